/**
 * Where a training stands, kept on the site's own disk from time to time, so that a killed agent or training process costs
 * minutes and not hours. Written and read by the training child. The batches follow from the seed and the number of steps, so
 * that a training resumed from here takes exactly the steps that an uninterrupted one takes. Plain text, never leaves the site.
 */
import { z } from 'zod'
import { wipe } from '../../shared/crypto/secrets.ts'
import { eraseFile } from '../durable-file.ts'
import { hasSeen, journalMarkForm } from '../journal-mark.ts'
import { readRecord, writeRecord } from '../record-file.ts'
import type { CheckpointNote, CheckpointPlace, EvaluationMetrics } from './task.ts'

/** A training between two steps. */
export type TrainingPosition = {
  readonly seed: number
  readonly stepsDone: number
  /** Sums over the steps so far. */
  readonly lossSum: number
  readonly seen: number
  /** Of the model as it came, so that it is judged once. */
  readonly evaluation: EvaluationMetrics
  /** Parameters and momentum, as the stepper gives them. */
  readonly carried: Float32Array
}

const FORMAT = 'blindsum/training-checkpoint/v2'
/** Writing takes at most this part of the time. */
const MOST_OF_TIME = 0.05

const headerForm = z.strictObject({
  format: z.literal(FORMAT),
  purpose: z.string(),
  journal: journalMarkForm,
  seed: z.int().min(0),
  stepsDone: z.int().min(1),
  lossSum: z.number(),
  seen: z.int().min(0),
  evaluation: z.strictObject({ evalExamples: z.number(), evalLossSum: z.number(), evalCorrect: z.number() }),
})

/**
 * The position kept for this training, or null. One that is damaged or of other numbers than `expected` is left alone, to be
 * written over, and `note` says so; one of another training or journal, which nobody goes on with any more, is erased.
 */
export async function readCheckpoint(
  { path, purpose, journal }: CheckpointPlace,
  expected: { readonly carriedLength: number; readonly stepsTotal: number },
  note: (note: CheckpointNote) => void,
): Promise<TrainingPosition | null> {
  const ignored = (why: string) => {
    note({ kind: 'ignored', why })
    return null
  }
  const found = await readRecord(path).catch((cause: NodeJS.ErrnoException) => {
    return { kind: 'damaged', why: `it cannot be read (${cause.code})` } as const
  })
  if (found.kind === 'absent') return null
  if (found.kind === 'damaged') return ignored(found.why)
  const header = headerForm.safeParse(found.header)
  if (!header.success) return ignored('it is of another format')
  const { format: _format, purpose: foundPurpose, journal: foundJournal, ...position } = header.data
  // Safety: that journal may call the update at the end of it spent, and this one would not know.
  if (foundPurpose !== purpose || !hasSeen(journal, foundJournal)) {
    await eraseFile(path).catch(() => {})
    return null
  }
  if (found.body.length !== expected.carriedLength || position.stepsDone > expected.stepsTotal) {
    return ignored(`it has ${found.body.length} numbers after ${position.stepsDone} steps`)
  }
  note({ kind: 'resumed', stepsDone: position.stepsDone, stepsTotal: expected.stepsTotal })
  return { ...position, carried: found.body }
}

/**
 * Keeps positions, not more often than the place says and than the disk bears. A disk that does not take one is a note, once:
 * the training goes on without.
 */
export class CheckpointWriter {
  readonly #place: CheckpointPlace
  readonly #note: (note: CheckpointNote) => void
  #dueAtMs: number
  #hasFailed = false

  constructor(place: CheckpointPlace, note: (note: CheckpointNote) => void) {
    this.#place = place
    this.#note = note
    this.#dueAtMs = performance.now() + place.everyMs
  }

  /** Keeps the position that `make` gives, if it is time to. */
  async offer(make: () => TrainingPosition): Promise<void> {
    const beganAtMs = performance.now()
    // An orphan's training is over: another one may be writing by now.
    if (beganAtMs < this.#dueAtMs || process.connected === false) return
    const { carried, ...position } = make()
    const { purpose, journal } = this.#place
    try {
      await writeRecord(this.#place.path, { format: FORMAT, purpose, journal, ...position }, [carried])
      this.#hasFailed = false
      this.#note({ kind: 'written', stepsDone: position.stepsDone })
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error)
      if (!this.#hasFailed) this.#note({ kind: 'failed', code })
      this.#hasFailed = true
    } finally {
      wipe(carried)
    }
    const tookMs = performance.now() - beganAtMs
    this.#dueAtMs = performance.now() + Math.max(this.#place.everyMs, tookMs / MOST_OF_TIME)
  }
}
