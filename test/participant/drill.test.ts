import { expect, test } from 'vitest'
import { DRILL_POINTS, pointAfterRecord, readDrill } from '../../participant/drill.ts'
import type { JournalFact } from '../../participant/protocol/journal.ts'
import { logLines } from './log-lines.ts'

test('without a drill no point holds, and the log is silent', async () => {
  const { log, lines } = logLines()
  const drill = readDrill(undefined, log, new AbortController().signal)
  for (const point of DRILL_POINTS) await drill.reach(point, 1)
  expect(lines()).toEqual([])
})

test('a drill holds at its point and round only, loudly, until the agent stops', async () => {
  const { log, lines } = logLines()
  const stop = new AbortController()
  const drill = readDrill('hold-before-upload@2', log, stop.signal)
  await drill.reach('hold-before-upload', 1)
  await drill.reach('hold-before-reveal', 2)
  let isReleased = false
  const held = drill.reach('hold-before-upload', 2).then(() => {
    isReleased = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(isReleased).toBe(false)
  expect(lines().at(-1)).toMatchObject({ level: 'warn', msg: 'drill: holding', point: 'hold-before-upload', round: 2 })
  stop.abort()
  await held
})

test('every fact of the journal has a point that can be asked for, and no other fact has', () => {
  // A record, so that a new kind of fact cannot be forgotten here.
  const kinds: Readonly<Record<JournalFact['kind'], true>> = {
    'session-opened': true,
    'roster-accepted': true,
    'shared-set-accepted': true,
    'update-spent': true,
    'survivors-attested': true,
    answered: true,
    'session-closed': true,
  }
  const wanted = (Object.keys(kinds) as JournalFact['kind'][]).map(pointAfterRecord)
  expect(DRILL_POINTS.filter((point) => point.startsWith('hold-after-record-'))).toEqual(wanted)
})

test.each([
  'hold-before-lunch@1',
  'hold-after-record-lunch@1',
  'hold-before-upload',
  'hold-before-upload@0',
  'hold-before-upload@1@2',
  '@1',
  '',
])('refuses %j', (text) => {
  const { log } = logLines()
  expect(() => readDrill(text, log, new AbortController().signal)).toThrowError(
    expect.objectContaining({ code: 'bad_drill' }),
  )
})
