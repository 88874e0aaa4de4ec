/** Which engine is taken, what is said, and what the work is then done on. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { ConfigError } from '../../../shared/errors.ts'
import {
  chooseMaskEngine,
  type EngineChoice,
  maskEngineFor,
  WEBGPU_PACKAGE,
} from '../../../shared/masks/choose-engine.ts'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import type { MaskEngine, MaskSeed } from '../../../shared/masks/mask-engine.ts'
import { plainMaskEngine } from '../../../shared/masks/plain-engine.ts'
import { ascending } from '../../vectors/hex.ts'
import { expected, sameBytes } from './engines.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-choice-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A GPU child that is not the real one: `text` is its program. */
function child(name: string, text: string): URL {
  const masks = new URL('../../../shared/masks/', import.meta.url).href
  const path = join(folder, `${name}.mjs`)
  writeFileSync(
    path,
    `import { writeSync } from 'node:fs'
    import { setTimeout as delay } from 'node:timers/promises'
    import { FRAME, FrameReader, frameHeader, readJob } from '${masks}gpu/frames.ts'
    import { plainMaskEngine } from '${masks}plain-engine.ts'
    const send = (kind, job, payload) => {
      const frame = Buffer.concat([frameHeader({ kind, job, payloadBytes: payload.length, argument: 0 }), payload])
      for (let at = 0; at < frame.length; ) at += writeSync(3, frame, at)
    }
    const told = (words) => Buffer.from(JSON.stringify(words))
    ${text}
    process.stdin.on('end', () => process.exit())`,
  )
  return pathToFileURL(path)
}

const noGpu = child(
  'no-gpu',
  `send(FRAME.failure, 0, told({ code: 'no_adapter', message: 'no GPU was found' }))
  process.stdin.resume()`,
)

/** It computes what a GPU would, so many milliseconds later per job and per mask. */
function computing(perJobMs: number, perMaskMs: number): URL {
  return child(
    `computing-${perJobMs}-${perMaskMs}`,
    `send(FRAME.ready, 0, told({ vendor: '', architecture: '', device: '', description: 'a made-up GPU', isSoftware: false }))
    const frames = new FrameReader({
      begin: ({ payloadBytes }) => new Uint8Array(payloadBytes),
      end: async ({ job }, payload) => {
        const { narrowLanes, firstBlock, blocks, seeds } = readJob(payload)
        const sum = narrowLanes ? new Uint16Array(blocks * 32) : new Uint32Array(blocks * 16)
        await plainMaskEngine().accumulate(sum, seeds, { firstLane: firstBlock * (sum.length / blocks) })
        await delay(${perJobMs} + ${perMaskMs} * seeds.length)
        send(FRAME.sum, job, Buffer.from(sum.buffer))
      },
    })
    process.stdin.on('data', (chunk) => frames.push(chunk))`,
  )
}

const seeds = (count: number) =>
  Array.from({ length: count }, (_, first): MaskSeed => ({ key: ascending(first, 32), sign: 1 }))

/** A slow CPU engine, 10 MB of keystream a second, that notes what it is given. */
function slowEngine() {
  const plain = plainMaskEngine()
  const targets: number[] = []
  const engine: MaskEngine = {
    async accumulate(target, masks, options) {
      targets.push(target.byteLength)
      await delay((target.byteLength * masks.length) / 10_000)
      await plain.accumulate(target, masks, options)
    },
  }
  return { engine, targets }
}

function choose(given: Pick<EngineChoice, 'wanted'> & Partial<EngineChoice>) {
  const lines: string[] = []
  const say = (...words: unknown[]) => lines.push(String(words.at(-1)))
  const log = { info: say, warn: say } as unknown as EngineChoice['log']
  return { lines, chosen: chooseMaskEngine({ cpu: plainMaskEngine(), log, ...given }) }
}

async function masks(engine: MaskEngine): Promise<boolean> {
  const lanes = new Uint32Array(1000)
  const want = await expected(lanes, seeds(3), 5)
  await engine.accumulate(lanes, seeds(3), { firstLane: 5 })
  return sameBytes(lanes, want)
}

describe('without a GPU', () => {
  test('cpu: nothing is looked for, nothing said', async () => {
    const { lines, chosen } = choose({ wanted: 'cpu', gpuProcess: { module: noGpu } })
    expect(await masks(await chosen)).toBe(true)
    expect(lines).toEqual([])
  })

  test('auto: the CPU, said once', async () => {
    const { lines, chosen } = choose({ wanted: 'auto', gpuProcess: { module: noGpu } })
    expect(await masks(await chosen)).toBe(true)
    expect(lines).toEqual([expect.stringContaining('no_adapter')])
  })

  test('gpu: refused, with what to do', async () => {
    const { lines, chosen } = choose({ wanted: 'gpu', gpuProcess: { module: noGpu } })
    const refused = await chosen.catch((cause) => cause)
    expect(refused).toBeInstanceOf(ConfigError)
    expect(refused.code).toBe('no_gpu')
    expect(refused.message).toContain('masks: auto')
    expect(lines).toEqual([])
  })
})

describe('for a process that runs for long', () => {
  function engineFor(wanted: EngineChoice['wanted']) {
    const lines: string[] = []
    const say = (...words: unknown[]) => lines.push(String(words.at(-1)))
    const log = { info: say, warn: say } as unknown as EngineChoice['log']
    return { lines, engine: maskEngineFor({ wanted, cpu: cpuMaskEngine(), log, gpuProcess: { module: noGpu } }) }
  }

  test('auto: nobody looks for a GPU before there is a gigabyte of keystream to make, and then once', async () => {
    const { lines, engine } = engineFor('auto')
    const auto = await engine
    expect(await masks(auto)).toBe(true)
    expect(lines).toEqual([])
    const lanes = new Uint32Array(2 ** 20)
    for (let time = 0; time < 2; time += 1) await auto.accumulate(lanes, seeds(256))
    expect(lines).toEqual([expect.stringContaining('no_adapter')])
    auto.close()
  })

  test('gpu: refused at once where there is none', async () => {
    await expect(engineFor('gpu').engine).rejects.toMatchObject({ code: 'no_gpu' })
  })
})

test('the package named to people is the peer that package.json names', () => {
  const { peerDependencies } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  expect(WEBGPU_PACKAGE).toBe(`webgpu@${peerDependencies.webgpu}`)
})

describe('with a GPU', () => {
  test('gpu: all work goes there', async () => {
    const { engine, targets } = slowEngine()
    const { lines, chosen } = choose({ wanted: 'gpu', cpu: engine, gpuProcess: { module: computing(0, 0) } })
    const gpu = await chosen
    expect(targets).toEqual([])
    const lanes = new Uint32Array(10_000)
    const want = await expected(lanes, seeds(2))
    await gpu.accumulate(lanes, seeds(2))
    expect(sameBytes(lanes, want)).toBe(true)
    // Slices only.
    expect(Math.max(...targets)).toBeLessThan(lanes.byteLength)
    expect(lines).toEqual([expect.stringContaining('a made-up GPU')])
    gpu.close()
  })

  test('auto: what is small stays on the CPU, what is large goes to the GPU; said once', async () => {
    const { engine, targets } = slowEngine()
    const { lines, chosen } = choose({ wanted: 'auto', cpu: engine, gpuProcess: { module: computing(20, 0) } })
    const auto = await chosen
    expect(lines).toEqual([expect.stringMatching(/on the GPU, a made-up GPU, from about \d+ MB/)])
    for (const [lengthLanes, count, onCpu] of [
      [1000, 1, true],
      [1_000_000, 20, false],
    ] as const) {
      targets.length = 0
      const lanes = new Uint32Array(lengthLanes)
      const want = await expected(lanes, seeds(count))
      await auto.accumulate(lanes, seeds(count))
      expect(sameBytes(lanes, want)).toBe(true)
      expect(targets.includes(lanes.byteLength)).toBe(onCpu)
    }
    expect(lines).toHaveLength(1)
    auto.close()
  })

  test('auto: a GPU that computes no faster is left alone; said once', async () => {
    const cpu = cpuMaskEngine({ threads: 'none' })
    const { lines, chosen } = choose({ wanted: 'auto', cpu, gpuProcess: { module: computing(0, 40) } })
    expect(await masks(await chosen)).toBe(true)
    expect(lines).toEqual([expect.stringContaining('not faster')])
  })

  test('auto: a GPU that computes wrongly is left alone', async () => {
    const wrong: MaskEngine = { accumulate: async (target) => void target.fill(7) }
    const { lines, chosen } = choose({ wanted: 'auto', cpu: wrong, gpuProcess: { module: computing(0, 0) } })
    const { accumulate } = await chosen
    const lanes = new Uint16Array(3)
    await accumulate(lanes, seeds(1))
    expect([...lanes]).toEqual([7, 7, 7])
    expect(lines.at(-1)).toContain('wrong_result')
  })
})
