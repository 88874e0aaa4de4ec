/** The virtual clock, by hand; and how a network is spelt. */
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../shared/errors.ts'
import { DEFAULT_NETWORK, lineRate, type NetworkSpec, type StageVisit, stageMs } from '../../simulation/network.ts'
import { parseNetwork } from '../../simulation/network-spec.ts'

/** A megabit up, ten down, a gigabit at the coordinator, nothing lost: 8 ms, 0.8 ms and 0.008 ms per thousand bytes. */
const PLAIN: NetworkSpec = { ...DEFAULT_NETWORK, latencyMs: 10, up: 1e6, down: 10e6, loss: 0 }
const NOTHING: StageVisit = { downBytes: 0, upBytes: 0, instructMs: 0, participantMs: 0, receiveMs: 0, slowness: 1 }

describe('a stage', () => {
  test('nobody to visit takes no time', () => {
    expect(stageMs([], PLAIN)).toBe(0)
  })

  test('there and back is twice the latency', () => {
    expect(stageMs([NOTHING], PLAIN)).toBe(20)
  })

  test('bytes and work of one participant add up', () => {
    const visit = { ...NOTHING, downBytes: 10_000, upBytes: 1000, instructMs: 1, participantMs: 5, receiveMs: 2 }
    // 1 to make it, 8 down, 5 work, 8 up, twice 10 under way, 2 to take it.
    expect(stageMs([visit], PLAIN)).toBeCloseTo(1 + 8 + 5 + 8 + 20 + 2, 6)
  })

  test('participants work at the same time, the coordinator one after the other', () => {
    const visit = { ...NOTHING, instructMs: 1, participantMs: 50, receiveMs: 3 }
    const ten = Array.from({ length: 10 }, () => visit)
    // The first answers at 1 + 70; the coordinator still has ten answers to take, 3 each.
    expect(stageMs(ten, PLAIN)).toBeCloseTo(71 + 30, 6)
  })

  test('a straggler makes everybody wait', () => {
    const visit = { ...NOTHING, participantMs: 50 }
    expect(stageMs([visit, { ...visit, slowness: 4 }, visit], PLAIN)).toBeCloseTo(220, 6)
  })

  test('the coordinator’s own line bounds what all send', () => {
    const upload = { ...NOTHING, upBytes: 1_000_000 }
    const narrow = { ...PLAIN, up: 1e9, coordinator: 8e6 }
    // A second per upload over the coordinator's line, after the first has arrived.
    expect(stageMs([upload, upload, upload], narrow)).toBeCloseTo(20 + 3000, -2)
  })
})

describe('loss', () => {
  test('bounds the rate of a line as Mathis et al. say', () => {
    const lossy = { ...PLAIN, latencyMs: 50, loss: 0.01 }
    // 1460 · 8 · 1.22 bits in a round trip of 0.1 s, over √0.01.
    expect(lineRate(100e6, lossy)).toBeCloseTo(1_424_960, 3)
    expect(lineRate(1e6, lossy)).toBe(1e6)
  })

  test('costs nothing where there is none', () => {
    expect(lineRate(1e9, PLAIN)).toBe(1e9)
  })
})

describe('--network', () => {
  test('what is named is read, the rest keeps its default', () => {
    const spec = parseNetwork('latency=1.5s,up=512kbit,down=1Gbit,loss=0.1%,stragglers=5%,slowdown=10')
    const { coordinator } = DEFAULT_NETWORK
    const wanted = { latencyMs: 1500, up: 512_000, down: 1e9, loss: 0.001, stragglers: 0.05, slowdown: 10 }
    expect(spec).toEqual({ ...wanted, coordinator })
    expect(parseNetwork('')).toEqual(DEFAULT_NETWORK)
  })

  test.each([
    'speed=1',
    'latency=40',
    'latency=-1ms',
    'up=20',
    'up=0Mbit',
    'loss=0.1',
    'loss=51%',
    'slowdown=0',
    'toString=1ms',
    'up',
    'latency=1mss',
  ])('%s is refused', (text) => {
    expect(() => parseNetwork(text)).toThrow(ConfigError)
  })
})
