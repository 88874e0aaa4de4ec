/**
 * Failure drills: the agent stops at a named point of a round and holds there, so that whoever watches can kill it in just
 * that state. For the demo, the tests and exercises at a site; off unless asked for, and loud when on.
 *
 * `hold-after-record-FACT` holds when the journal has the fact and nothing that the fact guards has begun. The other points
 * hold where no fact is recorded: before a message, after one, or between two pieces of the upload.
 */
import { ConfigError } from '../shared/errors.ts'
import type { Log } from '../shared/runtime/log.ts'
import type { JournalFact } from './protocol/journal.ts'

/** In the order in which a session comes to them. */
export const DRILL_POINTS = [
  'hold-after-record-session-opened',
  'hold-after-record-roster-accepted',
  'hold-after-share-keys',
  'hold-after-record-shared-set-accepted',
  'hold-after-record-update-spent',
  'hold-before-upload',
  'hold-mid-upload',
  'hold-after-record-survivors-attested',
  'hold-before-attest',
  'hold-after-record-answered',
  'hold-before-reveal',
  'hold-after-record-session-closed',
] as const
export type DrillPoint = (typeof DRILL_POINTS)[number]

export interface Drill {
  /** Returns at once, or, at the drill's point and round, only when `stop` is aborted. */
  reach(point: DrillPoint, round: number): Promise<void>
}

/** The point right after a fact of this kind was made durable. */
export function pointAfterRecord(kind: JournalFact['kind']): DrillPoint {
  return `hold-after-record-${kind}`
}

/**
 * Reads `POINT@ROUND`, e.g. `hold-before-upload@3`; without one there is no drill.
 * @throws ConfigError `bad_drill`.
 */
export function readDrill(text: string | undefined, log: Log, stop: AbortSignal): Drill {
  if (text === undefined) return { reach: async () => {} }
  const [name, roundText, ...rest] = text.split('@')
  const wanted = DRILL_POINTS.find((point) => point === name)
  const round = Number(roundText)
  if (wanted === undefined || rest.length > 0 || !Number.isInteger(round) || round < 1) {
    const problem = `--drill ${text}: expected POINT@ROUND, POINT one of ${DRILL_POINTS.join(', ')}, ROUND from 1`
    throw new ConfigError('bad_drill', problem)
  }
  log.warn({ point: wanted, round }, 'drill: this agent will hold in a round until it is killed')
  return {
    reach: async (point, reached) => {
      if (point !== wanted || reached !== round || stop.aborted) return
      log.warn({ point, round }, 'drill: holding')
      await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }))
    },
  }
}
