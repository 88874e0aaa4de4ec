/** A real GPU child that is killed, computes wrongly, or loses its parent; and vectors of several jobs. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { GpuFailure } from '../../../../shared/masks/gpu/gpu-failure.ts'
import type { MaskSeed } from '../../../../shared/masks/mask-engine.ts'
import { systemRng } from '../../../../shared/random.ts'
import { canReadMemory, PatternSet, scanMemory } from '../../../security/memory-scan.ts'
import { emptyLanes, expected, sameBytes } from '../engines.ts'
import { describeOnGpu } from './vulkan.ts'
import { watchedEngine } from './watched-engine.ts'

describeOnGpu('the GPU child', () => {
  test('killed in the middle of a job: the right sum, and a new child for the next', async () => {
    const engine = watchedEngine()
    await engine.adapter()
    let killed: number | undefined
    // A fast GPU is done with little work before the signal arrives.
    for (const count of [150, 1500, 6000]) {
      const seeds = randomSeeds(count)
      const lanes = emptyLanes({ lengthLanes: 300_000, wide: true })
      const want = await expected(lanes, seeds, 9)
      let killedAt = 1
      const onProgress = (done: number, total: number) => {
        if (engine.fallbacks.length > 0 || killedAt < 1) return
        killedAt = done / total
        killed = engine.pid!
        process.kill(killed, 'SIGKILL')
      }
      await engine.accumulate(lanes, seeds, { firstLane: 9, onProgress })
      expect(killedAt).toBeLessThan(1)
      expect(sameBytes(lanes, want)).toBe(true)
      if (engine.fallbacks.length > 0) break
    }
    expect(engine.fallbacks).toEqual(['child_ended'])
    expect(engine.lines).toEqual([expect.stringContaining('SIGKILL')])

    const seedsOfNext = randomSeeds(7)
    const next = emptyLanes({ lengthLanes: 5_000, wide: false })
    const wantNext = await expected(next, seedsOfNext)
    await engine.accumulate(next, seedsOfNext)
    expect(sameBytes(next, wantNext)).toBe(true)
    expect(engine.fallbacks).toHaveLength(1)
    expect(engine.pid).not.toBe(killed)
    engine.close()
  })

  test.each([true, false])(
    'one wrong bit in the last block: the right sum, one line (32-bit lanes: %s)',
    async (wide) => {
      const engine = watchedEngine({ module: new URL('./flawed-process.ts', import.meta.url) })
      const seeds = randomSeeds(5)
      const lanes = emptyLanes({ lengthLanes: 64_000, wide })
      const want = await expected(lanes, seeds)
      await engine.accumulate(lanes, seeds)
      expect(sameBytes(lanes, want)).toBe(true)
      expect(engine.fallbacks).toEqual(['wrong_result'])
      expect(engine.lines).toHaveLength(1)
      expect(engine.pid).toBeUndefined()
    },
  )

  test('a device lost in the middle of a job: the right sum', async () => {
    const engine = watchedEngine({ module: new URL('./lossy-process.ts', import.meta.url) })
    const seeds = randomSeeds(100)
    const lanes = emptyLanes({ lengthLanes: 300_000, wide: true })
    const want = await expected(lanes, seeds)
    await engine.accumulate(lanes, seeds)
    expect(sameBytes(lanes, want)).toBe(true)
    expect(engine.fallbacks).toEqual(['device_lost'])
    expect(engine.lines).toHaveLength(1)
  })

  test.each([true, false])(
    'a vector of two jobs, more blocks than groups are made for (32-bit lanes: %s)',
    async (wide) => {
      const engine = watchedEngine()
      const seeds = randomSeeds(2)
      const lanes = emptyLanes({ lengthLanes: wide ? 17_000_003 : 34_000_003, wide })
      lanes.fill(0xffff_fffe)
      const want = await expected(lanes, seeds, 5)
      await engine.accumulate(lanes, seeds, { firstLane: 5 })
      expect(sameBytes(lanes, want)).toBe(true)
      expect(engine.fallbacks).toEqual([])
      engine.close()
    },
  )

  test('a software adapter is refused unless asked for', async () => {
    const engine = watchedEngine({ allowSoftwareAdapter: false })
    const asked = watchedEngine()
    const { isSoftware } = await asked.adapter()
    asked.close()
    if (!isSoftware) return engine.close()
    const refused = await engine.adapter().catch((cause) => cause)
    expect(refused).toBeInstanceOf(GpuFailure)
    expect(refused.code).toBe('software_adapter')
    const lanes = new Uint32Array(50)
    const want = await expected(lanes, randomSeeds(0))
    await engine.accumulate(lanes, [])
    expect(sameBytes(lanes, want)).toBe(true)
    await engine.accumulate(lanes, randomSeeds(1))
    expect(engine.fallbacks).toEqual(['software_adapter'])
    engine.close()
  })
})

describeOnGpu('the end of a process with a GPU child', () => {
  test('killed in the middle of a job, it takes the child along', async () => {
    const parent = spawn(process.execPath, [program('masking-parent')], { stdio: ['ignore', 'pipe', 'inherit'] })
    const child = await firstNumber(parent)
    expect(isRunning(child)).toBe(true)
    parent.kill('SIGKILL')
    while (isRunning(child)) await delay(20)
  })

  test('an idle child keeps nobody from ending, and ends too', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [program('idle-parent')])
    const child = Number(stdout)
    expect(child).toBeGreaterThan(1)
    while (isRunning(child)) await delay(20)
  })
})

describeOnGpu('keys', () => {
  test.runIf(canReadMemory)(
    'in use are found on both sides; used and overwritten, none is left on either',
    async () => {
      expect(await keysFound('busy')).toEqual({ parent: ALL_KEYS, child: ALL_KEYS })
      expect(await keysFound()).toEqual({ parent: [], child: [] })
    },
    180_000,
  )
})

const ALL_KEYS = ['key 0', 'key 1', 'key 2']

/** Which of three keys stand in the memory of a masking process and of its GPU child, both stopped. */
async function keysFound(...words: readonly string[]) {
  const parent = spawn(process.execPath, [program('forgetful-parent'), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pids = [parent.pid!]
  try {
    const [line] = await once(createInterface({ input: parent.stdout }), 'line')
    const { child, fallbacks, disguised } = JSON.parse(line)
    expect(fallbacks).toBe(0)
    pids.push(child)
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    const patterns = new PatternSet()
    for (const [place, text] of (disguised as string[]).entries()) {
      const key = Buffer.from(text, 'hex').map((byte) => byte ^ 0x5a)
      patterns.add(`key ${place}`, key)
    }
    const search = (pid: number) => [...scanMemory(pid, patterns).found].sort()
    return { parent: search(parent.pid!), child: search(child) }
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGKILL')
  }
}

function program(name: string): string {
  return fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
}

async function firstNumber({ stdout }: ChildProcess): Promise<number> {
  const [line] = await once(createInterface({ input: stdout! }), 'line')
  return Number(line)
}

/** One that has ended and that nobody has asked after is not running. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/ Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

function randomSeeds(count: number): MaskSeed[] {
  const random = systemRng(32 * count)
  return Array.from({ length: count }, (_, place) => {
    return { key: random.subarray(32 * place, 32 * place + 32), sign: place % 3 === 0 ? -1 : 1 }
  })
}
