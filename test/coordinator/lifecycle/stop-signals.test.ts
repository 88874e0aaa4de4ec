/** The end of a process that was asked to stop: when it is done, when its time is over, or at the second signal. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { beginLifecycle } from '../../../coordinator/lifecycle/phase.ts'
import { shutdownTimes } from '../../../coordinator/lifecycle/shutdown-times.ts'

const MODULE = new URL('../../../coordinator/lifecycle/stop-signals.ts', import.meta.url).href
const CHILD = `
  const { firstStopSignal } = await import(process.argv[1])
  const tell = (_fields, message) => process.stdout.write(message + '\\n')
  const busy = setInterval(() => {}, 1000)
  const asked = firstStopSignal(Number(process.argv[2]), { info: tell, warn: tell })
  process.stdout.write('ready\\n')
  await asked
  if (process.argv[3] === 'ends') clearInterval(busy)
`

/** Runs until the signals have ended it, each sent when the one before was heard; `last` is what it said last. */
async function stopped(withinMs: number, how: 'ends' | 'hangs', signals: readonly NodeJS.Signals[]) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD, MODULE, String(withinMs), how])
  const closed = once(child, 'close')
  const lines: string[] = []
  const left = [...signals]
  let beganAt = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (lines.length === 0) beganAt = performance.now()
    lines.push(line)
    const next = left.shift()
    if (next !== undefined) child.kill(next)
  })
  const [code] = await closed
  return { code, ms: performance.now() - beganAt, last: lines.at(-1) }
}

describe('a process that is asked to stop', () => {
  test('ends with 0 as soon as nothing is left to do', async () => {
    const { code, ms, last } = await stopped(30_000, 'ends', ['SIGTERM'])
    expect({ code, last }).toEqual({ code: 0, last: 'stopping' })
    expect(ms).toBeLessThan(15_000)
  })

  test('ends with 0 when its time is over, whatever still goes on, and says so', async () => {
    const { code, ms, last } = await stopped(1000, 'hangs', ['SIGINT'])
    expect(code).toBe(0)
    expect(last).toMatch(/^stopping took too long/)
    expect(ms).toBeGreaterThan(500)
  })

  test.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGTERM', 'SIGINT'],
    ['SIGINT', 'SIGINT'],
  ] as const)('ends with 1 at a second signal: %s, %s', async (first, second) => {
    const { code, ms, last } = await stopped(60_000, 'hangs', [first, second])
    expect(code).toBe(1)
    expect(last).toMatch(/^ended at once/)
    expect(ms).toBeLessThan(30_000)
  })
})

test('the time for a shutdown is never more than there is', () => {
  for (const shutdownSeconds of [1, 20, 3600]) {
    for (const drainMs of [0, 10_000, 600_000]) {
      const { roundsMs, callsMs } = shutdownTimes({ shutdownSeconds, limits: { drainMs } })
      expect(roundsMs).toBeLessThanOrEqual(drainMs)
      expect(roundsMs + 2 * callsMs).toBeLessThan(shutdownSeconds * 1000)
    }
  }
})

test('a coordinator never goes back to an earlier phase', () => {
  const lifecycle = beginLifecycle()
  const seen: string[] = []
  const unsubscribe = lifecycle.onChange((phase) => seen.push(phase))
  for (const phase of ['serving', 'starting', 'serving', 'stopping', 'serving'] as const) lifecycle.enter(phase)
  expect(seen).toEqual(['serving', 'stopping'])
  unsubscribe()
  expect(lifecycle.phase).toBe('stopping')
})
