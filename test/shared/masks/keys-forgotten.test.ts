/** After masks were put on, and the caller has overwritten the keys, no copy of them stands in the process' memory. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { canReadMemory, PatternSet, scanMemory } from '../../security/memory-scan.ts'

/** Which of the three keys are found. */
async function keysLeft(...settings: readonly string[]): Promise<readonly string[]> {
  const program = fileURLToPath(new URL('./forgetful-masks.ts', import.meta.url))
  const child = spawn(process.execPath, [program, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const patterns = new PatternSet()
      for (const [place, text] of (JSON.parse(line) as string[]).entries()) {
        patterns.add(
          `key ${place}`,
          Buffer.from(text, 'hex').map((byte) => byte ^ 0x5a),
        )
      }
      expect(patterns.size).toBe(3)
      return [...scanMemory(child.pid ?? 0, patterns).found].sort()
    }
    throw new Error('the child said nothing')
  } finally {
    child.kill('SIGKILL')
    await closed
  }
}

/** A scan is a second or two of work, but on a busy machine waits for its turn. */
describe.runIf(canReadMemory)('mask keys', { timeout: 180_000 }, () => {
  test('that the caller keeps are found', async () => {
    expect(await keysLeft('openssl', 'threads', 'keeps')).toEqual(['key 0', 'key 1', 'key 2'])
  })

  test.each([
    ['openssl', 'threads'],
    ['tile', 'caller'],
  ])('that the caller overwrites are gone: keystream by %s, %s', async (source, where) => {
    expect(await keysLeft(source, where, 'forgets')).toEqual([])
  })
})
