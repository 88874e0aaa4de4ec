import { expect, test } from 'vitest'
import { Attendance, idle } from '../../../coordinator/attendance/attendance.ts'

function stream() {
  const told: string[] = []
  return {
    told,
    send: (instruction: ReturnType<typeof idle>) =>
      void told.push(instruction.step?.$case === 'idle' ? instruction.step.value.reason : instruction.runId),
    end: (code: string) => void told.push(`end ${code}`),
  }
}

const standing = (runId: string) => () => ({ ...idle(''), runId, step: undefined })

test('an agent is told where it stands at once and after every change', () => {
  const attendance = new Attendance(() => 0)
  attendance.tell('a', standing('run 1'))
  const a = stream()
  attendance.attach('a', a)
  attendance.tell('a', standing('run 2'))
  attendance.tell('b', standing('run 3'))
  expect(a.told).toEqual(['run 1', 'run 2'])
})

test('the newest stream wins, and the end of the older one changes nothing', () => {
  const attendance = new Attendance(() => 0)
  const [first, second] = [stream(), stream()]
  const detachFirst = attendance.attach('a', first)
  attendance.attach('a', second)
  detachFirst()
  attendance.tell('a', standing('run'))
  expect(first.told.at(-1)).toBe('end superseded')
  expect(second.told.at(-1)).toBe('run')
  expect(attendance.connected()).toEqual(['a'])
})

test('absence counts from the disconnection, or from the beginning', () => {
  let now = 1000
  const attendance = new Attendance(() => now)
  expect(attendance.absentSinceMs('a')).toBe(1000)
  const detach = attendance.attach('a', stream())
  expect(attendance.absentSinceMs('a')).toBeNull()
  now = 5000
  detach()
  now = 9000
  expect(attendance.absentSinceMs('a')).toBe(5000)
})

test('one that is expected back is absent from then on only', () => {
  let now = 1000
  const attendance = new Attendance(() => now)
  attendance.expectBack(['a'], 31_000)
  expect([attendance.absentSinceMs('a'), attendance.absentSinceMs('b')]).toEqual([31_000, 1000])
  const detach = attendance.attach('a', stream())
  now = 2000
  detach()
  expect(attendance.absentSinceMs('a')).toBe(2000)
})

test('is dismissed only from what it was told, not from what came after', () => {
  const attendance = new Attendance(() => 0)
  const a = stream()
  attendance.attach('a', a)
  const [one, two] = [standing('one'), standing('two')]
  attendance.tell('a', one)
  attendance.dismiss('a', one, 'nothing to do')
  attendance.tell('a', two)
  attendance.dismiss('a', one, 'not this')
  expect(a.told.slice(1)).toEqual(['one', 'nothing to do', 'two'])
})
