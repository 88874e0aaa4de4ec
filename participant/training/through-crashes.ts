/**
 * Runs a training process again after it was killed: by the system for want of memory, by a person, by the runtime's own
 * fault. In: how to run it once. Out: its outcome, or its last crash when it no longer gets anywhere. What it had kept
 * decides where it goes on.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { backoffMs } from '../backoff.ts'
import type { CheckpointNote, TrainingFailure, TrainingLimits } from './task.ts'

/** Crashes without a checkpoint between them, after which the process is not started again. */
export const MOST_CRASHES = 3

/**
 * Runs until an outcome other than `child_crashed`, or {@link MOST_CRASHES} of these in a row without a new checkpoint. The
 * wall clock limit is that of all runs together.
 */
export async function throughCrashes<Result>(
  request: {
    readonly limits: TrainingLimits
    readonly signal: AbortSignal
    readonly onCheckpoint: (note: CheckpointNote) => void
    /** Called before the process is started again. */
    readonly onCrash: (failure: TrainingFailure) => void
  },
  run: (once: {
    readonly limits: TrainingLimits
    readonly signal: AbortSignal
    readonly onCheckpoint: (note: CheckpointNote) => void
  }) => Promise<Result | TrainingFailure>,
): Promise<Result | TrainingFailure> {
  const { limits, signal } = request
  const endsAtMs = performance.now() + limits.maxMs
  for (let crashes = 0; ; ) {
    const maxMs = Math.max(1, endsAtMs - performance.now())
    const onCheckpoint = (note: CheckpointNote) => {
      if (note.kind === 'written') crashes = 0
      request.onCheckpoint(note)
    }
    const outcome = await run({ limits: { ...limits, maxMs }, signal, onCheckpoint })
    if (!isCrash(outcome)) return outcome
    crashes += 1
    if (signal.aborted || crashes >= MOST_CRASHES) return outcome
    request.onCrash(outcome)
    await pause(backoffMs(crashes), undefined, { signal }).catch(() => {})
    if (signal.aborted) return outcome
  }
}

function isCrash<Result>(outcome: Result | TrainingFailure): outcome is TrainingFailure {
  return typeof outcome === 'object' && outcome !== null && 'code' in outcome && outcome.code === 'child_crashed'
}
