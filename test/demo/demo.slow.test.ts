/** `npm run demo` as a person starts it: it holds what it promises, and leaves nothing behind, even when interrupted. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const DEMO = join(import.meta.dirname, '../../demo/main.ts')
const LIMIT_MS = 300_000
/** A temporary folder of its own, so that what the demo leaves can be seen. */
const temporary = mkdtempSync(join(tmpdir(), 'blindsum-demo-test-'))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

async function demo(
  args: readonly string[],
  interruptAt?: string,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<{ code: number | null; lines: string[] }> {
  const environment = { ...process.env, TMPDIR: temporary }
  const child = spawn(process.execPath, [DEMO, ...args], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
    if (interruptAt !== undefined && text.includes(interruptAt)) child.kill(signal)
  })
  const [code] = await once(child, 'close')
  return { code, lines: text.trim().split('\n') }
}

/** Ids of processes that stand in the temporary folder, as every process of the demo does. */
function survivors(): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(temporary)
    } catch {
      return false
    }
  })
}

describe('the demo', () => {
  test(
    'eight sites, three rounds, one killed',
    async () => {
      const { code, lines } = await demo(['--sites', '8', '--rounds', '3', '--json'])
      expect(lines.join('\n')).toContain('south killed (SIGKILL) in round 1')
      const outcome = JSON.parse(lines.at(-1) ?? '')
      expect(outcome).toMatchObject({ ok: true, rounds: 3, sites: 8, verify: true, tamperedVerify: false })
      expect(outcome.survivorsPerRound.slice(0, 2)).toEqual([7, 7])
      expect(outcome.bytesUpPerSite).toBeLessThanOrEqual(0.7 * outcome.float32BytesPerSite)
      expect(code).toBe(0)
      expect(readdirSync(temporary)).toEqual([])
      expect(survivors()).toEqual([])
    },
    LIMIT_MS,
  )

  test(
    'three sites without a kill, everything kept',
    async () => {
      const { code, lines } = await demo(['--sites', '3', '--kill', 'none', '--rounds', '2', '--keep', '--json'])
      expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ ok: true, sites: 3, survivorsPerRound: [3, 3] })
      expect(code).toBe(0)
      const [folder = ''] = readdirSync(temporary)
      expect(readdirSync(join(temporary, folder)).sort()).toEqual([
        'auditor',
        'authority',
        'coordinator',
        'operator-ada',
        'site-east',
        'site-north',
        'site-south',
      ])
      expect(lines.join('\n')).toContain(`everything is in ${join(temporary, folder)}`)
      rmSync(join(temporary, folder), { recursive: true })
    },
    LIMIT_MS,
  )

  test(
    'interrupted, it takes everything with it',
    async () => {
      const { code } = await demo(['--rounds', '9', '--kill', 'none'], 'round 1/9')
      expect(code).toBe(130)
      expect(readdirSync(temporary)).toEqual([])
      expect(survivors()).toEqual([])
    },
    LIMIT_MS,
  )

  test('killed without a word, its processes end by themselves', async () => {
    await demo(['--rounds', '9', '--kill', 'none'], 'round 1/9', 'SIGKILL')
    // They end as on SIGTERM; one that would not end lets the test run into its limit.
    while (survivors().length > 0) await new Promise((resolve) => setTimeout(resolve, 100))
    for (const left of readdirSync(temporary)) rmSync(join(temporary, left), { recursive: true })
  }, 60_000)
})
