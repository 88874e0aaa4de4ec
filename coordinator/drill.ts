/**
 * Failure drills: the coordinator stops at a named point of a round and holds there, so that whoever watches can kill it in
 * just that state. For the tests and for exercises; off unless asked for, and loud when on.
 *
 * `hold-after-commit-…` holds when the store has a change and nothing that follows from it has been done: no message is
 * acknowledged, nobody is told the next stage. The other points hold where files and rows have to agree.
 */
import { ConfigError } from '../shared/errors.ts'
import type { Log } from '../shared/runtime/log.ts'
import type { SessionFact } from './protocol/session-facts.ts'

/** In the order in which a round comes to them. */
export const COORDINATOR_DRILL_POINTS = [
  'hold-after-commit-attempt-begun',
  'hold-after-commit-session-opened',
  'hold-after-commit-advertised',
  'hold-after-commit-closed-advertise-keys',
  'hold-after-commit-dealt',
  'hold-after-commit-closed-share-keys',
  'hold-mid-upload',
  'hold-before-contribution',
  'hold-after-commit-contributed',
  'hold-before-sum-row',
  'hold-after-sum-row',
  'hold-after-commit-closed-mask-input',
  'hold-after-commit-attested',
  'hold-after-commit-closed-attest-survivors',
  'hold-after-commit-revealed',
  'hold-after-commit-closed-reveal-shares',
  'hold-mid-unmask',
  'hold-before-publication',
  'hold-before-version-row',
  'hold-after-version-row',
  'hold-after-commit-withdrawn',
  'hold-after-commit-aborted',
] as const
export type CoordinatorDrillPoint = (typeof COORDINATOR_DRILL_POINTS)[number]

export interface CoordinatorDrill {
  /** Returns at once, or, at the drill's point and round, only when the coordinator is asked to stop. */
  reach(point: CoordinatorDrillPoint | null, round: number): Promise<void>
}

/** The point right after a fact was committed; `null` for what only dishonest participants bring about. */
export function pointAfterCommit(fact: SessionFact): CoordinatorDrillPoint | null {
  if (fact.kind === 'complained' || fact.kind === 'caught') return null
  return fact.kind === 'stage-closed' ? `hold-after-commit-closed-${fact.stage}` : `hold-after-commit-${fact.kind}`
}

export const NO_DRILL: CoordinatorDrill = { reach: async () => {} }

/**
 * Reads `POINT@ROUND`, e.g. `hold-after-commit-dealt@3`; without one there is no drill.
 * @throws ConfigError `bad_drill`.
 */
export function readCoordinatorDrill(text: string | undefined, log: Log, stop: AbortSignal): CoordinatorDrill {
  if (text === undefined) return NO_DRILL
  const [name, roundText, ...rest] = text.split('@')
  const wanted = COORDINATOR_DRILL_POINTS.find((point) => point === name)
  const round = Number(roundText)
  if (wanted === undefined || rest.length > 0 || !Number.isInteger(round) || round < 1) {
    const problem = `--drill ${text}: expected POINT@ROUND, POINT one of ${COORDINATOR_DRILL_POINTS.join(', ')}, ROUND from 1`
    throw new ConfigError('bad_drill', problem)
  }
  log.warn({ point: wanted, round }, 'drill: this coordinator will hold in a round until it is killed')
  let isHolding = false
  return {
    reach: async (point, reached) => {
      if (point !== wanted || reached !== round || stop.aborted) return
      if (!isHolding) log.warn({ point, round }, 'drill: holding')
      isHolding = true
      await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }))
    },
  }
}
