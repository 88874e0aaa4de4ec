import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type BlockJob,
  FRAME,
  type FrameHeader,
  FrameReader,
  frameHeader,
  jobFrame,
  readJob,
} from '../../../../shared/masks/gpu/frames.ts'
import { aSeed } from '../engines.ts'

const aJob: fc.Arbitrary<BlockJob> = fc.record({
  narrowLanes: fc.boolean(),
  firstBlock: fc.nat({ max: 2 ** 32 - 1 }),
  blocks: fc.integer({ min: 1, max: 2 ** 20 }),
  seeds: fc.array(aSeed, { maxLength: 4 }),
})

test('frames come out as they went in, however the pipe cuts them, and nothing is left in its chunks', () => {
  fc.assert(
    fc.property(fc.array(aJob, { maxLength: 4 }), fc.infiniteStream(fc.integer({ min: 1, max: 90 })), (jobs, cuts) => {
      const cancel = frameHeader({ kind: FRAME.cancel, job: 7, payloadBytes: 0, argument: 0 })
      const stream = Buffer.concat([...jobs.map((job, place) => jobFrame(place, job)), cancel])
      const found: [FrameHeader, Uint8Array | undefined][] = []
      const reader = new FrameReader({
        begin: ({ payloadBytes }) => new Uint8Array(payloadBytes),
        end: (header, payload) => found.push([header, payload]),
      })
      for (let at = 0; at < stream.length; ) {
        const end = at + cuts.next().value
        reader.push(stream.subarray(at, end))
        at = end
      }
      expect(found.map(([{ kind, job }]) => [kind, job])).toEqual([
        ...jobs.map((_, place) => [FRAME.job, place]),
        [FRAME.cancel, 7],
      ])
      const read = found.slice(0, -1).map(([, payload]) => readJob(payload!))
      expect(read.map(({ seeds, ...rest }) => ({ ...rest, seeds: seeds.map(plain) }))).toEqual(
        jobs.map(({ seeds, ...rest }) => ({ ...rest, seeds: seeds.map(plain) })),
      )
      expect(stream.every((byte) => byte === 0)).toBe(true)
    }),
  )
})

test('a payload that nobody wants is passed over', () => {
  const ended: [number, Uint8Array | undefined][] = []
  const reader = new FrameReader({ begin: () => undefined, end: ({ job }, payload) => ended.push([job, payload]) })
  const frame = (job: number, payloadBytes: number) =>
    Buffer.concat([frameHeader({ kind: FRAME.sum, job, payloadBytes, argument: 0 }), Buffer.alloc(payloadBytes, 9)])
  reader.push(Buffer.concat([frame(1, 100), frame(2, 0), frame(3, 5)]))
  expect(ended).toEqual([
    [1, undefined],
    [2, undefined],
    [3, undefined],
  ])
})

function plain({ key, sign }: BlockJob['seeds'][number]) {
  return { key: [...key], sign }
}
