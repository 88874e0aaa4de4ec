/** How a sweep is spelt, and what is no sweep. */
import { describe, expect, test } from 'vitest'
import { readSweep, SWEEPABLE } from '../../simulation/sweep-spec.ts'

test('one option and its values, in the order given', () => {
  expect(readSweep('participants=10,300, 30')).toEqual({
    ok: true,
    sweep: { option: 'participants', values: ['10', '300', '30'] },
  })
  expect(readSweep('gamma=.05,0.1')).toEqual({ ok: true, sweep: { option: 'gamma', values: ['.05', '0.1'] } })
  for (const option of SWEEPABLE) expect(readSweep(`${option}=0`).ok).toBe(true)
})

describe('is refused with what to do', () => {
  test.each([
    ['', 'there are participants'],
    ['foo=1', 'no "foo"'],
    ['toString=1', 'no "toString"'],
    ['Participants=10', 'no "Participants"'],
    ['threads=1,2', 'no "threads"'],
    ['participants', 'such as participants=10,30,100'],
    ['participants=', 'such as participants=10,30,100'],
    ['gamma=', 'such as gamma=0.01'],
    ['participants=10,,30', 'not ""'],
    ['participants=10,', 'not ""'],
    ['participants=10,many', 'not "many"'],
    ['participants=-5', 'not "-5"'],
    ['participants=1e3', 'not "1e3"'],
    ['participants=10=20', 'not "10=20"'],
    ['participants=10,30,10', '10 twice'],
    ['dropout=0.1,.10', '0.1 twice'],
    ['neighbours=64,128', 'sweep one of those'],
    ['k=64', 'sweep one of those'],
  ])('%j', (text, hint) => {
    const read = readSweep(text)
    expect(read.ok).toBe(false)
    expect(read.ok ? '' : read.problem).toContain(hint)
    expect(read.ok ? '' : read.problem).not.toContain('\n')
  })
})
