import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beginMaskedInput, makeMaskedInput, refuseUpdate } from '../../participant/masked-input.ts'
import { updateDigest } from '../../participant/protocol/update-digest.ts'
import type { TrainedUpdate } from '../../participant/trainer.ts'
import { cpuMaskEngine } from '../../shared/masks/cpu-engine.ts'
import type { MaskEngine, MaskSeed } from '../../shared/masks/mask-engine.ts'
import { plainMaskEngine } from '../../shared/masks/plain-engine.ts'
import { encodingOf } from '../../shared/plan/plan-rules.ts'
import { systemRng } from '../../shared/random.ts'
import { type VectorEncoding, vectorLayout, zeroLanes } from '../../shared/vector/encoding.ts'
import { addPacked } from '../../shared/vector/packing.ts'
import { decodeSum } from '../../shared/vector/sum.ts'
import { uploadDigest } from '../../shared/vector/upload-digest.ts'
import { makePlan } from './plans.ts'

const engine = cpuMaskEngine()
const signal = new AbortController().signal

function encodingFor(parameterCount: number, aggregation: object = {}): VectorEncoding {
  return encodingOf(makePlan({ model: { parameterCount }, aggregation: { clipNorm: 1000, ...aggregation } }))
}

function trainedOf(values: readonly number[], examples: number): TrainedUpdate {
  const scalars = { trainLossSum: examples / 4, evalExamples: 3, evalLossSum: 1.5, evalCorrect: 2 }
  return { update: Float32Array.from(values), examples, scalars }
}

/** Fresh self mask and pairwise masks for everybody, each pairwise one added by one side and taken away by the other. */
function masksFor(participants: number): MaskSeed[][] {
  const masks = Array.from({ length: participants }, (): MaskSeed[] => [{ key: systemRng(32), sign: 1 }])
  for (let u = 0; u < participants; u += 1) {
    for (let v = u + 1; v < participants; v += 1) {
      const key = systemRng(32)
      masks[u]?.push({ key, sign: 1 })
      masks[v]?.push({ key: key.slice(), sign: -1 })
    }
  }
  return masks
}

const copyOf = (masks: readonly MaskSeed[]) => masks.map(({ key, sign }) => ({ key: key.slice(), sign }))

async function sumOf(trained: readonly TrainedUpdate[], encoding: VectorEncoding) {
  const masks = masksFor(trained.length)
  const selfMasks = masks.map(([self]) => ({ key: self!.key.slice(), sign: -1 as const }))
  const { lengthLanes, modulusBits } = vectorLayout(encoding)
  const accumulator = zeroLanes(lengthLanes, modulusBits)
  for (const [place, one] of trained.entries()) {
    const input = { trained: one, encoding, masks: masks[place]!, engine, rng: systemRng, signal }
    const { bytes, digest } = await makeMaskedInput(input)
    expect(digest).toEqual(uploadDigest(bytes))
    expect(addPacked({ accumulator, packed: bytes, modulusBits })).toBe(null)
  }
  await engine.accumulate(accumulator, selfMasks)
  return decodeSum(accumulator, encoding, trained.length)
}

describe('masked inputs of everybody, masks taken off', () => {
  test('are the weighted mean within the quantiser’s bound, and the exact totals', async () => {
    const one = fc.record({
      values: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 37, maxLength: 37 }),
      examples: fc.integer({ min: 1, max: 1000 }),
    })
    const inputBits = fc.constantFrom(8, 12, 14, 16, 20)
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 3, maxLength: 4 }), inputBits, async (sites, bits) => {
        const encoding = encodingFor(37, { inputBits: bits })
        const trained = sites.map(({ values, examples }) => trainedOf(values, examples))
        const { weightedMean, scalars } = await sumOf(trained, encoding)
        const total = trained.reduce((sum, { examples }) => sum + examples, 0)
        expect(scalars.examples).toBe(total)
        expect(scalars.trainLossSum).toBeCloseTo(total / 4, 4)
        expect(scalars.evalCorrect).toBe(2 * trained.length)
        // One unit of rounding per participant.
        const bound = (trained.length * encoding.maxWeight) / ((2 ** (bits - 1) - 1) * total) + 1e-6
        for (const [lane, found] of weightedMean.entries()) {
          const exact = trained.reduce((sum, { update, examples }) => sum + update[lane]! * examples, 0) / total
          expect(Math.abs(found - exact)).toBeLessThanOrEqual(bound)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('also when the vector needs several turns of the event loop', async () => {
    const encoding = encodingFor(70_001)
    const trained = [1, 2, 3].map((site) => trainedOf(new Array(70_001).fill(site / 8), 100))
    const { weightedMean } = await sumOf(trained, encoding)
    for (const place of [0, 65_535, 65_536, 70_000]) expect(weightedMean[place]).toBeCloseTo(0.25, 2)
  })
})

test('two masked inputs of one update under the same masks differ: the rounding seed is fresh', async () => {
  const encoding = encodingFor(500)
  const trained = trainedOf(new Array(500).fill(0.123456), 10)
  const masks = masksFor(3)[0]!
  const make = () => makeMaskedInput({ trained, encoding, masks: copyOf(masks), engine, rng: systemRng, signal })
  expect((await make()).digest).not.toEqual((await make()).digest)
})

test('the same seed gives the same bytes, so that what is sent can be told from its digest', async () => {
  const encoding = encodingFor(500)
  const trained = trainedOf(new Array(500).fill(0.123456), 10)
  const masks = masksFor(3)[0]!
  const rng = (length: number) => new Uint8Array(length).fill(5)
  const make = () => makeMaskedInput({ trained, encoding, masks: copyOf(masks), engine, rng, signal })
  expect(await make()).toEqual(await make())
})

test.each([
  ['16-bit lanes', { inputBits: 9 }],
  ['32-bit lanes', { inputBits: 16 }],
])('%s: the bytes of an engine that goes step by step', async (_width, aggregation) => {
  const encoding = encodingFor(130_003, { ...aggregation, clipNorm: 40 })
  const trained = trainedOf(
    Array.from({ length: 130_003 }, (_, place) => Math.sin(place)),
    10,
  )
  const masks = masksFor(4)[1]!
  const rng = (length: number) => new Uint8Array(length).fill(7)
  const make = (by: MaskEngine) => makeMaskedInput({ trained, encoding, masks: copyOf(masks), engine: by, rng, signal })
  const [fast, plain] = [await make(engine), await make(plainMaskEngine())]
  expect(Buffer.compare(fast.bytes, plain.bytes)).toBe(0)
  expect(fast.digest).toEqual(plain.digest)
  expect(plain.digest).toEqual(uploadDigest(plain.bytes))
})

test('what is ready grows in order and stays; all is ready with the digest', async () => {
  const encoding = encodingFor(2_200_000)
  const trained = trainedOf(new Array(2_200_000).fill(0.1), 10)
  const masks = masksFor(3)[0]!
  const oneThread = cpuMaskEngine({ threads: 'none' })
  const growing = beginMaskedInput({ trained, encoding, masks, engine: oneThread, rng: systemRng, signal })
  const sizes: number[] = []
  const pieces: Uint8Array[] = []
  for (let ready = 0; ready < growing.bytes.length; ) {
    const now = await growing.readyBytes(ready)
    pieces.push(growing.bytes.slice(ready, now))
    sizes.push(now)
    ready = now
  }
  expect(sizes.length).toBeGreaterThan(1)
  expect(uploadDigest(Buffer.concat(pieces))).toEqual(await growing.digest)
})

test('mask keys and rounding seed are overwritten', async () => {
  const encoding = encodingFor(20)
  const masks = masksFor(3)[0]!
  const seeds: Uint8Array[] = []
  const rng = (length: number) => {
    seeds.push(systemRng(length))
    return seeds.at(-1)!
  }
  await makeMaskedInput({ trained: trainedOf(new Array(20).fill(0.5), 1), encoding, masks, engine, rng, signal })
  expect(seeds.map((seed) => [...seed].some(Boolean))).toEqual([false])
  expect(masks.some(({ key }) => [...key].some(Boolean))).toBe(false)
})

test('an aborted one rejects with the reason, its keys overwritten', async () => {
  const aborted = AbortSignal.abort(new Error('the session is over'))
  const masks = masksFor(3)[0]!
  const trained = trainedOf(new Array(20).fill(0.5), 1)
  const made = makeMaskedInput({ trained, encoding: encodingFor(20), masks, engine, rng: systemRng, signal: aborted })
  await expect(made).rejects.toThrow('the session is over')
  expect(masks.some(({ key }) => [...key].some(Boolean))).toBe(false)
})

test('one whose engine fails says so to who waits for bytes and who waits for the digest, its keys overwritten', async () => {
  const masks = masksFor(3)[0]!
  const failing: MaskEngine = { accumulate: async () => Promise.reject(new Error('a mask thread ended')) }
  const trained = trainedOf(new Array(20).fill(0.5), 1)
  const request = { trained, encoding: encodingFor(20), masks, engine: failing, rng: systemRng, signal }
  const growing = beginMaskedInput(request)
  await expect(growing.readyBytes(0)).rejects.toThrow('a mask thread ended')
  await expect(growing.digest).rejects.toThrow('a mask thread ended')
  expect(masks.some(({ key }) => [...key].some(Boolean))).toBe(false)
})

test.each([
  ['update_not_finite', [Number.NaN, 0], 1],
  ['update_length_mismatch', [0], 1],
  ['weight_below_minimum', [0, 0], 0],
  ['weight_not_integer', [0, 0], 1.5],
] as const)('%s is told before the update is offered', (code, values, examples) => {
  expect(refuseUpdate(trainedOf(values, examples), encodingFor(2))?.code).toBe(code)
})

describe('a masked input of an update that is not the one its session names', () => {
  const encoding = encodingFor(70_001)
  const fresh = () => trainedOf(new Array(70_001).fill(0.5), 100)
  const digestOf = ({ update, examples, scalars }: TrainedUpdate) => updateDigest(update, { examples, ...scalars })
  const masks = () => [{ key: systemRng(32), sign: 1 as const }]

  test('is not begun', async () => {
    const trained = fresh()
    const named = digestOf(trained)
    trained.update.fill(0)
    const growing = beginMaskedInput({
      trained,
      updateDigest: named,
      encoding,
      masks: masks(),
      engine,
      rng: systemRng,
      signal,
    })
    await expect(growing.digest).rejects.toMatchObject({ name: 'ProtocolError', code: 'update_changed' })
    await expect(growing.readyBytes(0)).rejects.toMatchObject({ code: 'update_changed' })
    expect(growing.bytes.every((byte) => byte === 0)).toBe(true)
  })

  test.each([
    ['tile by tile', engine],
    ['step by step', plainMaskEngine()],
  ])('has no digest when it becomes another meanwhile: %s', async (_way, real) => {
    const trained = fresh()
    const request = { trained, updateDigest: digestOf(trained), encoding, rng: systemRng, signal }
    await expect(makeMaskedInput({ ...request, masks: masks(), engine: real })).resolves.toBeDefined()
    const spoil = () => trained.update.fill(0, 60_000)
    const spoiling: MaskEngine = {
      accumulate: (...given) => {
        spoil()
        return real.accumulate(...given)
      },
      makeInput: (input) => {
        spoil()
        return real.makeInput?.(input) ?? null
      },
    }
    const growing = beginMaskedInput({ ...request, masks: masks(), engine: spoiling })
    await expect(growing.digest).rejects.toMatchObject({ name: 'ProtocolError', code: 'update_changed' })
  })
})
