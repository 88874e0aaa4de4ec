/**
 * A run's states and what moves it between them:
 *
 *   running ⇄ paused        pause (operator, or a round that failed too often), resume
 *   running → completed     after the last round and the session that judges its version
 *   running, paused → cancelled
 *
 * Pure. What a state forbids is returned as a refusal that says what can be done instead.
 */
import { unreachable } from '../../shared/errors.ts'

export type RunState = 'running' | 'paused' | 'completed' | 'cancelled'

export type RunMove = 'pause' | 'resume' | 'complete' | 'cancel'

export type MoveOutcome =
  | { readonly kind: 'moved'; readonly state: RunState }
  | { readonly kind: 'refused'; readonly code: 'run_ended' | 'run_not_paused' | 'run_paused'; readonly message: string }

/** True when nothing can happen to the run any more. */
export function hasEnded(state: RunState): boolean {
  return state === 'completed' || state === 'cancelled'
}

/** Where `move` leads from `state`. */
export function moveRun(state: RunState, move: RunMove): MoveOutcome {
  if (hasEnded(state)) {
    return { kind: 'refused', code: 'run_ended', message: `the run is ${state}; submit a new one to train further` }
  }
  switch (move) {
    case 'pause':
      if (state === 'paused') return { kind: 'refused', code: 'run_paused', message: 'the run is paused already' }
      return { kind: 'moved', state: 'paused' }
    case 'resume':
      if (state !== 'paused') return { kind: 'refused', code: 'run_not_paused', message: 'the run is running already' }
      return { kind: 'moved', state: 'running' }
    case 'complete':
      return { kind: 'moved', state: 'completed' }
    case 'cancel':
      return { kind: 'moved', state: 'cancelled' }
    default:
      return unreachable(move)
  }
}
