/**
 * After a masked input was made, given up, or lost with its threads, neither seed nor mask keys nor unmasked lanes stand in
 * the process' memory.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { canReadMemory, PatternSet, scanMemory } from '../security/memory-scan.ts'

/** Names of what was secret and is found. */
async function secretsLeft(...settings: readonly string[]): Promise<readonly string[]> {
  const program = fileURLToPath(new URL('./forgetful-input.ts', import.meta.url))
  const child = spawn(process.execPath, ['--expose-gc', program, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const patterns = new PatternSet()
      for (const [name, text] of JSON.parse(line) as [string, string][]) {
        patterns.add(
          name,
          Buffer.from(text, 'hex').map((byte) => byte ^ 0x5a),
        )
      }
      expect(patterns.size).toBeGreaterThanOrEqual(6)
      return [...scanMemory(child.pid ?? 0, patterns).found].sort()
    }
    throw new Error('the child said nothing')
  } finally {
    child.kill('SIGKILL')
    await closed
  }
}

describe.runIf(canReadMemory)('of a masked input', { timeout: 180_000 }, () => {
  test('control: what is kept is found', async () => {
    const found = await secretsLeft('openssl', 'threads', 'keeps')
    expect(found).toEqual(
      expect.arrayContaining(['key 0', 'key 1', 'key 2', 'lanes from 200000', 'lanes from 399000', 'rounding seed']),
    )
  })

  test.each([
    ['openssl', 'threads', 'forgets'],
    ['tile', 'threads', 'forgets'],
    ['openssl', 'caller', 'forgets'],
    ['tile', 'caller', 'aborts'],
    ['openssl', 'threads', 'aborts'],
    ['openssl', 'threads', 'dies'],
    ['tile', 'threads', 'dies'],
  ])('nothing is left: keystream by %s, %s, %s', async (source, where, ending) => {
    expect(await secretsLeft(source, where, ending)).toEqual([])
  })
})
