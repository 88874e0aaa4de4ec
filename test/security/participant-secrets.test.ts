/**
 * "Secrets are overwritten when the session is over", tested on a live process: its whole memory is searched for every
 * session key, seed and share of its participants, after the collector ran. A control run, in which they stay in the session,
 * shows that the search would find each of them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { canReadMemory, PatternSet, scanMemory } from './memory-scan.ts'

const DISGUISE = 0x5a
const SITES = 5

/** Names of all the secrets there were, and of those still in memory. */
async function secretsLeft(walkedStages: number, ending: 'over' | 'kept') {
  const child = spawn(
    process.execPath,
    ['--expose-gc', fileURLToPath(new URL('./forgetful-child.ts', import.meta.url)), String(walkedStages), ending],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const closed = once(child, 'close')
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const told: [string, string][] = JSON.parse(line)
      const patterns = new PatternSet()
      for (const [name, text] of told)
        patterns.add(
          name,
          Buffer.from(text, 'hex').map((byte) => byte ^ DISGUISE),
        )
      return { all: told.map(([name]) => name), left: [...scanMemory(child.pid ?? 0, patterns).found] }
    }
    throw new Error('the child said nothing')
  } finally {
    child.kill('SIGKILL')
    await closed
  }
}

describe.runIf(canReadMemory)('of the secrets of a session', () => {
  test.each([
    ['its keys', 1, 3 * SITES],
    ['the self mask seed, the own share of it and the keys kept for stage 2', 2, 5 * SITES + SITES * (SITES - 1)],
    ['the shares held for others', 3, 5 * SITES + 2 * SITES * (SITES - 1)],
  ])('nothing is left: %s', async (_what, walkedStages, count) => {
    const { all, left } = await secretsLeft(walkedStages, 'over')
    expect(all).toHaveLength(count)
    expect(left).toEqual([])
  })

  test.each([2, 3])('control: all are found while the session lives, after %i stages', async (walkedStages) => {
    const { all, left } = await secretsLeft(walkedStages, 'kept')
    expect(left.sort()).toEqual(all.sort())
  })
})

if (!canReadMemory) console.log("left out: the search of a participant's memory needs Linux' /proc/PID/mem")
