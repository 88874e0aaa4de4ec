/** What the harness with real processes draws: faults from the seed, vectors on the grid; and the sum it looks for. */
import { expect, test } from 'vitest'
import { PLAN_SCALARS } from '../../shared/plan/plan-rules.ts'
import { prepareUpdate, quantizeRange } from '../../shared/vector/quantize.ts'
import {
  compareWithSum,
  drawVector,
  exactAggregation,
  fixedUpdate,
} from '../../simulation/real-processes/fixed-vectors.ts'
import { drawFaults, MOMENTS } from '../../simulation/real-processes/process-faults.ts'
import { checkProcessPlan, type ProcessPlan } from '../../simulation/real-processes/process-plan.ts'

const PLAN: ProcessPlan = { participants: 20, lanes: 100, rounds: 30, seed: 1, kills: 0.1, pauses: 0.15, cuts: 0.2 }

test('the same seed draws the same faults, another seed others', () => {
  expect(drawFaults(PLAN)).toEqual(drawFaults(PLAN))
  expect(drawFaults(PLAN)).not.toEqual(drawFaults({ ...PLAN, seed: 2 }))
})

test('every round has its parts of each kind, and hits nobody twice', () => {
  const faults = drawFaults(PLAN)
  for (let round = 1; round <= PLAN.rounds; round += 1) {
    const ofRound = faults.filter((fault) => fault.round === round)
    const count = (...kinds: readonly string[]) => ofRound.filter(({ kind }) => kinds.includes(kind)).length
    expect([count('kill'), count('pause'), count('cut', 'stall')]).toEqual([2, 3, 4])
    expect(new Set(ofRound.map(({ place }) => place)).size).toBe(9)
  }
})

test('every kind and every moment is drawn, for times that differ', () => {
  const faults = drawFaults(PLAN)
  expect(new Set(faults.map(({ kind }) => kind)).size).toBe(4)
  expect(new Set(faults.map(({ moment }) => moment))).toEqual(new Set(MOMENTS))
  expect(new Set(faults.map(({ place }) => place)).size).toBe(PLAN.participants)
  expect(new Set(faults.map(({ forMs }) => forMs)).size).toBeGreaterThan(100)
})

test('without parts nothing is drawn', () => {
  expect(drawFaults({ ...PLAN, kills: 0, pauses: 0, cuts: 0 })).toEqual([])
})

test.each([
  ['too few agents', { participants: 4 }],
  ['too many agents', { participants: 51 }],
  ['one lane', { lanes: 1 }],
  ['no round', { rounds: 0 }],
  ['more faults than agents', { kills: 0.5, pauses: 0.5, cuts: 0.1 }],
])('%s is refused', (_, change) => {
  const check = () => checkProcessPlan({ ...PLAN, ...change })
  expect(check).toThrow(expect.objectContaining({ code: 'simulation_impossible' }))
})

const DRAW = { seed: 1, place: 3, round: 2, training: 1 }

test('a vector is on the grid: its lanes are whole whatever the rounding draws', () => {
  const { steps, units } = drawVector(DRAW, 500)
  const { update, examples, scalars } = fixedUpdate(DRAW, 500)
  const { inputBits, maxExamples, laneRange, clipNorm } = exactAggregation(500)
  const bounds = { inputBits, modulusBits: 24, laneRange, clipNorm, minWeight: 1, maxWeight: maxExamples }
  const encoding = { parameterCount: 500, scalars: PLAN_SCALARS, maxParticipants: 50, ...bounds }
  for (const fill of [0, 255]) {
    const roundingSeed = new Uint8Array(32).fill(fill)
    const outcome = prepareUpdate({ update, weight: examples, scalars, encoding, roundingSeed })
    if (!outcome.ok) throw new Error(outcome.message)
    const lanes = Int32Array.from(quantizeRange(outcome.prepared, 0, 500), (lane) => (lane << 8) >> 8)
    expect(lanes).toEqual(Int32Array.from(steps, (step) => step * 16 * units))
  }
})

test('vectors differ by place, round and training, and reach the ends of their range', () => {
  const of = (change: object) => drawVector({ ...DRAW, ...change }, 2000).steps
  for (const change of [{ seed: 2 }, { place: 4 }, { round: 3 }, { training: 2 }]) {
    expect(of(change)).not.toEqual(of({}))
  }
  expect([Math.min(...of({})), Math.max(...of({}))]).toEqual([-127, 127])
})

test('a sum is found again after float32, and one step more or less is not overlooked', () => {
  const vectors = [1, 2, 3].map((place) => drawVector({ ...DRAW, place }, 300))
  const units = vectors.reduce((sum, vector) => sum + vector.units, 0)
  const mean = (lane: number) => vectors.reduce((sum, { steps, units: u }) => sum + (steps[lane] ?? 0) * u, 0) / units
  const before = Float32Array.from({ length: 300 }, (_, lane) => Math.sin(lane) / 4)
  const after = before.map((value, lane) => value + mean(lane) / 2 ** 11)
  expect(compareWithSum(before, after, vectors)).toMatchObject({ exact: true, wrongLanes: 0 })
  const shifted = after.slice()
  shifted[7] = (shifted[7] ?? 0) + 1 / 2 ** 11 / units
  expect(compareWithSum(before, shifted, vectors)).toMatchObject({ exact: false, wrongLanes: 1 })
  expect(compareWithSum(before, after, vectors.slice(1)).exact).toBe(false)
  expect(compareWithSum(before, after.fill(Number.NaN), vectors)).toMatchObject({ exact: false, wrongLanes: 300 })
  expect(compareWithSum(before, before, []).exact).toBe(false)
})
