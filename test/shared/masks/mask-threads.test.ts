/** The pool: who gets which tile, and that every way for a thread or a job to end is an end, in order. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import type { MaskSeed } from '../../../shared/masks/mask-engine.ts'
import { JobBoard } from '../../../shared/masks/mask-job.ts'
import { MaskThreads } from '../../../shared/masks/mask-threads.ts'
import { ascending } from '../../vectors/hex.ts'
import { closeThreads, emptyLanes, expected, sameBytes, twoThreads } from './engines.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-masks-'))
afterAll(async () => {
  await closeThreads()
  rmSync(folder, { recursive: true, force: true })
})

const seeds = (count: number) => {
  return Array.from({ length: count }, (_, first): MaskSeed => ({ key: ascending(first, 32), sign: 1 }))
}

/** A thread's program that is not the real one. */
function threadProgram(name: string, text: string): URL {
  const path = join(folder, `${name}.mjs`)
  writeFileSync(path, `import { parentPort } from 'node:worker_threads'\n${text}\n`)
  return pathToFileURL(path)
}

describe('the board', () => {
  test.each([
    [1, 1],
    [1, 4],
    [7, 3],
    [100, 2],
    [1000, 5],
  ])('gives each of %d tiles to one of %d threads, whatever their speeds', (tiles, threads) => {
    const range = { tileBytes: 4096, first: 10, end: 10 + tiles }
    const memory = JobBoard.create(range, threads)
    const boards = Array.from({ length: threads }, () => new JobBoard(memory))
    const claimed: number[] = []
    const working = new Set(boards.keys())
    for (let turn = 0; working.size > 0; turn += 1) {
      for (const thread of working) {
        // Thread 0 claims every time, the others ever more rarely.
        if (turn % (thread + 1) !== 0) continue
        const tile = boards[thread]!.claim(thread)
        if (tile === null) working.delete(thread)
        else claimed.push(tile)
      }
    }
    expect(claimed.sort((a, b) => a - b)).toEqual(Array.from({ length: tiles }, (_, tile) => 10 + tile))
  })

  test('a thread goes on in its own stretch while it can', () => {
    const memory = JobBoard.create({ tileBytes: 4096, first: 0, end: 10 }, 2)
    const board = new JobBoard(memory)
    expect([0, 0, 0, 0, 0].map((stretch) => board.claim(stretch))).toEqual([0, 1, 2, 3, 4])
    // Then it takes the second half of the other's.
    expect(board.claim(0)).toBe(8)
    expect(board.claim(1)).toBe(5)
  })
})

describe('an abort', () => {
  test.each([true, false])('in the middle ends the job at once (shared memory: %s)', async (shared) => {
    const engine = cpuMaskEngine({ threads: twoThreads })
    const reason = new Error('the session ended')
    const controller = new AbortController()
    const target = emptyLanes({ lengthLanes: 3_000_000, wide: true, shared })
    const options = { signal: controller.signal, onProgress: () => controller.abort(reason) }
    await expect(engine.accumulate(target, seeds(400), options)).rejects.toBe(reason)
    // No thread goes on: what is there stays as it is.
    const left = target.slice()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(sameBytes(target, left)).toBe(true)
  })

  test('of a job that waits leaves the one under way alone', async () => {
    const engine = cpuMaskEngine({ threads: twoThreads })
    const target = emptyLanes({ lengthLanes: 1_000_000, wide: true, shared: true })
    const want = await expected(target, seeds(20))
    const running = engine.accumulate(target, seeds(20))
    const controller = new AbortController()
    const untouched = emptyLanes({ lengthLanes: 1_000, wide: true, shared: true })
    const waiting = engine.accumulate(untouched, seeds(2), { signal: controller.signal })
    const last = emptyLanes({ lengthLanes: 1_000, wide: true, shared: true })
    const behind = engine.accumulate(last, seeds(2))
    setImmediate(() => controller.abort(new Error('not wanted any more')))
    await expect(waiting).rejects.toThrow('not wanted any more')
    await Promise.all([running, behind])
    expect(sameBytes(target, want)).toBe(true)
    expect(sameBytes(last, await expected(untouched, seeds(2)))).toBe(true)
    expect(untouched.every((lane) => lane === 0)).toBe(true)
  })
})

describe('a thread that ends', () => {
  test('killed in the middle: the job is rejected, the next one is done by new threads', async () => {
    const threads = new MaskThreads({ count: 2 })
    const engine = cpuMaskEngine({ threads })
    const target = emptyLanes({ lengthLanes: 2_000_000, wide: true, shared: true })
    let kills = 0
    const onProgress = () => {
      kills += 1
      if (kills === 1) void threads.close()
    }
    await expect(engine.accumulate(target, seeds(200), { onProgress })).rejects.toMatchObject({
      code: 'mask_thread_failed',
    })
    target.fill(0)
    await engine.accumulate(target, seeds(2))
    expect(sameBytes(target, await expected(target.slice().fill(0), seeds(2)))).toBe(true)
    await threads.close()
  })

  test.each([
    ['exits', "parentPort.on('message', () => process.exit(3)); parentPort.postMessage({ kind: 'ready' })"],
    ['throws', "parentPort.on('message', () => { throw new Error('oh') }); parentPort.postMessage({ kind: 'ready' })"],
    [
      'fails',
      "parentPort.on('message', ({ id }) => parentPort.postMessage({ kind: 'failed', id, message: 'oh' })); " +
        "parentPort.postMessage({ kind: 'ready' })",
    ],
  ])('%s at its job: the job is rejected', async (name, text) => {
    const threads = new MaskThreads({ count: 2, script: threadProgram(name, text) })
    const target = emptyLanes({ lengthLanes: 100_000, wide: false, shared: true })
    const accumulated = cpuMaskEngine({ threads }).accumulate(target, seeds(2))
    await expect(accumulated).rejects.toMatchObject({ code: 'mask_thread_failed' })
    await threads.close()
  })

  test('before it has loaded: the work is done on the caller’s thread, with a warning', async () => {
    const threads = new MaskThreads({ count: 2, script: threadProgram('broken', "throw new Error('no')") })
    const target = emptyLanes({ lengthLanes: 100_000, wide: true })
    const want = await expected(target, seeds(3))
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    await cpuMaskEngine({ threads }).accumulate(target, seeds(3))
    expect(sameBytes(target, want)).toBe(true)
    expect(await warned).toMatchObject({ code: 'BLINDSUM_NO_MASK_THREADS' })
  })
})

test('threads at rest do not keep a process running', async () => {
  const engine = new URL('../../../shared/masks/cpu-engine.ts', import.meta.url)
  const program = `
    const { cpuMaskEngine } = await import(${JSON.stringify(engine.href)})
    const { MaskThreads } = await import(${JSON.stringify(new URL('./mask-threads.ts', engine).href)})
    const target = new Uint32Array(new SharedArrayBuffer(400_000))
    const threads = new MaskThreads({ count: 2 })
    await cpuMaskEngine({ threads }).accumulate(target, [{ key: new Uint8Array(32), sign: 1 }])
    console.log(target[0], threads.count)`
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { timeout: 30_000 })
  expect(stdout).toBe(`${0xade0b876} 2\n`)
})
