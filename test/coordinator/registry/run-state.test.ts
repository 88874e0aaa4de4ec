import { expect, test } from 'vitest'
import { hasEnded, moveRun, type RunMove, type RunState } from '../../../coordinator/registry/run-state.ts'

const STATES: readonly RunState[] = ['running', 'paused', 'completed', 'cancelled']
const MOVES: readonly RunMove[] = ['pause', 'resume', 'complete', 'cancel']

test('a run moves only where the figure has an arrow', () => {
  const arrows = STATES.flatMap((state) =>
    MOVES.map((move) => {
      const outcome = moveRun(state, move)
      return `${state} ${move} ${outcome.kind === 'moved' ? outcome.state : outcome.code}`
    }),
  )
  expect(arrows).toEqual([
    'running pause paused',
    'running resume run_not_paused',
    'running complete completed',
    'running cancel cancelled',
    'paused pause run_paused',
    'paused resume running',
    'paused complete completed',
    'paused cancel cancelled',
    'completed pause run_ended',
    'completed resume run_ended',
    'completed complete run_ended',
    'completed cancel run_ended',
    'cancelled pause run_ended',
    'cancelled resume run_ended',
    'cancelled complete run_ended',
    'cancelled cancel run_ended',
  ])
  expect(STATES.filter(hasEnded)).toEqual(['completed', 'cancelled'])
})
