/** What becomes of masks when the GPU's child fails: the CPU's lanes, one line, one count. The children here are made up. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { MaskSeed } from '../../../../shared/masks/mask-engine.ts'
import { ascending } from '../../../vectors/hex.ts'
import { expected, sameBytes } from '../engines.ts'
import { type WatchedEngine, watchedEngine } from './watched-engine.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-gpu-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const FRAMES = new URL('../../../../shared/masks/gpu/frames.ts', import.meta.url).href
const seeds: MaskSeed[] = [1, 2, 3].map((first) => ({ key: ascending(first, 32), sign: first === 2 ? -1 : 1 }))

/** A child that is not the real one: `answer(job, blocks, send)` is run for every job. */
function child(name: string, answer: string): URL {
  const path = join(folder, `${name}.mjs`)
  const program = `
    import { writeSync } from 'node:fs'
    import { FrameReader, frameHeader, FRAME, readJob } from '${FRAMES}'
    const send = (kind, job, payload) => {
      const frame = Buffer.concat([frameHeader({ kind, job, payloadBytes: payload.length, argument: 0 }), payload])
      for (let at = 0; at < frame.length; ) at += writeSync(3, frame, at)
    }
    const frames = new FrameReader({
      begin: ({ payloadBytes }) => new Uint8Array(payloadBytes),
      end: ({ job }, payload) => { const { blocks } = readJob(payload); ${answer} },
    })
    process.stdin.on('data', (chunk) => frames.push(chunk)).on('end', () => process.exit())`
  writeFileSync(path, program)
  return pathToFileURL(path)
}

const failure = (code: string) =>
  `send(FRAME.failure, 0, Buffer.from(JSON.stringify({ code: '${code}', message: 'as told' })))`

/** The lanes must be the CPU's, and one line and one count be added. */
async function masksFallBack(engine: WatchedEngine, code: string): Promise<void> {
  const [lines, fallbacks] = [engine.lines.length, engine.fallbacks.length]
  const lanes = Uint32Array.from({ length: 5001 }, (_, lane) => lane * 77)
  const want = await expected(lanes, seeds, 3)
  const told: number[] = []
  await engine.accumulate(lanes, seeds, { firstLane: 3, onProgress: (done) => told.push(done) })
  expect(sameBytes(lanes, want)).toBe(true)
  expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
  expect(told.at(-1)).toBe(3 * 4 * 5001)
  expect(engine.fallbacks.slice(fallbacks)).toEqual([code])
  expect(engine.lines.slice(lines)).toEqual([expect.stringContaining(code)])
}

describe('the CPU computes what the GPU does not', () => {
  test.each([
    ['child_ended', 'process.exit(3)'],
    ['child_ended', 'process.abort()'],
    ['device_lost', failure('device_lost')],
    ['out_of_memory', failure('out_of_memory')],
    ['gpu_error', failure('gpu_error')],
    ['gpu_error', 'send(FRAME.sum, job, Buffer.alloc(64 * blocks + 64))'],
    ['wrong_result', 'send(FRAME.sum, job, Buffer.alloc(64 * blocks))'],
    ['no_adapter', failure('no_adapter')],
    ['package_missing', failure('package_missing')],
    ['software_adapter', failure('software_adapter')],
  ])('%s, by %s', async (code, answer) => {
    const engine = watchedEngine({ module: child(`child-${answer.length}-${code}`, answer) })
    await masksFallBack(engine, code)
    engine.close()
  })

  test('timeout: a child that says nothing', async () => {
    const engine = watchedEngine({ module: child('silent', ''), silenceMs: 400 })
    await masksFallBack(engine, 'timeout')
    expect(engine.pid).toBeUndefined()
  })

  test('a child that cannot be started', async () => {
    const engine = watchedEngine({ module: pathToFileURL(join(folder, 'absent.mjs')) })
    await masksFallBack(engine, 'child_ended')
  })
})

describe('after failures', () => {
  test('three in a row, and the GPU is left alone: the CPU’s lanes, no new line', async () => {
    const engine = watchedEngine({ module: child('dies', 'process.exit(3)') })
    for (let time = 1; time <= 3; time += 1) {
      await masksFallBack(engine, 'child_ended')
      expect(/stay on the CPU/.test(engine.lines.at(-1)!)).toBe(time === 3)
    }
    const lanes = new Uint16Array(500)
    const want = await expected(lanes, seeds)
    await engine.accumulate(lanes, seeds)
    expect(sameBytes(lanes, want)).toBe(true)
    expect(engine.fallbacks).toHaveLength(3)
    expect(engine.lines).toHaveLength(3)
    expect(engine.pid).toBeUndefined()
  })

  test('a wrong sum, and it is left alone at once', async () => {
    const engine = watchedEngine({ module: child('zeros', 'send(FRAME.sum, job, Buffer.alloc(64 * blocks))') })
    await masksFallBack(engine, 'wrong_result')
    expect(engine.lines[0]).toContain('stay on the CPU')
    expect(engine.pid).toBeUndefined()
  })
})

test('cancelled while the child says nothing', async () => {
  const engine = watchedEngine({ module: child('mute', '') })
  const cancelling = new AbortController()
  const masked = engine.accumulate(new Uint32Array(100), seeds, { signal: cancelling.signal })
  cancelling.abort(new Error('no longer wanted'))
  await expect(masked).rejects.toThrow('no longer wanted')
  expect(engine.fallbacks).toEqual([])
  engine.close()
})
