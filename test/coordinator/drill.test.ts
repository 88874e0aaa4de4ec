/** A drill holds at its point and round and nowhere else, lets go when the coordinator stops, and is loud. */
import { expect, test } from 'vitest'
import { COORDINATOR_DRILL_POINTS, pointAfterCommit, readCoordinatorDrill } from '../../coordinator/drill.ts'
import { openLog } from '../../shared/runtime/log.ts'

const lines: string[] = []
const log = openLog({ name: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } })

test('holds at its point and round until it is asked to stop', async () => {
  const stop = new AbortController()
  const drill = readCoordinatorDrill('hold-mid-unmask@2', log, stop.signal)
  await drill.reach('hold-mid-unmask', 1)
  await drill.reach('hold-mid-upload', 2)
  let isHeld = true
  const held = drill.reach('hold-mid-unmask', 2).then(() => {
    isHeld = false
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(isHeld).toBe(true)
  expect(lines.some((line) => line.includes('drill: holding'))).toBe(true)
  stop.abort(new Error('stopping'))
  await held
})

test.each(['hold-mid-unmask', 'hold-mid-unmask@0', 'hold-mid-unmask@1@2', 'elsewhere@1', ''])(
  '%s is refused',
  (text) => {
    expect(() => readCoordinatorDrill(text, log, new AbortController().signal)).toThrow(
      expect.objectContaining({ code: 'bad_drill' }),
    )
  },
)

test('every fact that honest participants bring about has a point', () => {
  expect(pointAfterCommit({ kind: 'withdrawn', spiffeId: 'a' })).toBe('hold-after-commit-withdrawn')
  expect(pointAfterCommit({ kind: 'caught', spiffeId: 'a' })).toBeNull()
  for (const stage of ['advertise-keys', 'share-keys', 'mask-input', 'attest-survivors', 'reveal-shares'] as const) {
    expect(COORDINATOR_DRILL_POINTS).toContain(pointAfterCommit({ kind: 'stage-closed', stage }))
  }
})
