/** `bin/blindsum.js` on the machine's own Node: it finds the pinned runtime, passes signals on, keeps the exit code. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { initAuthority, issueSvid } from '../../shared/authority/authority-folder.ts'
import { SOFTWARE_VERSION } from '../../shared/runtime/software-version.ts'
import { BLINDSUM, ownNode, runAsProcess } from './run-commands.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-launcher-'))
afterAll(() => rmSync(folder, { recursive: true }))

const runtime = ownNode()

describe('on the machine’s own Node', () => {
  test('--version', async () => {
    expect(await runAsProcess(['--version'], { runtime })).toEqual({
      code: 0,
      stdout: `${SOFTWARE_VERSION}\n`,
      stderr: '',
    })
  })

  test('exit codes are the program’s', async () => {
    expect((await runAsProcess(['dance'], { runtime })).code).toBe(2)
    expect((await runAsProcess(['ca', 'show', '--ca', join(folder, 'nowhere')], { runtime })).code).toBe(1)
  })

  test('doctor runs on the pinned runtime', async () => {
    const { code, stdout } = await runAsProcess(['doctor', '--json'], { runtime })
    const pinned = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).dependencies.node
    const report = JSON.parse(stdout)
    expect(report.findings[0]).toMatchObject({ name: 'runtime', ok: true })
    expect(report.findings[0].detail).toContain(`Node ${pinned}`)
    expect(code).toBe(report.ok ? 0 : 1)
  })

  test('SIGTERM reaches the program, which ends in good order', async () => {
    const config = await participantConfig()
    const child = spawn(runtime, [BLINDSUM, 'participant', '--config', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line)
      if (line.includes('participant started')) child.kill('SIGTERM')
    }
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).toBe(0)
    expect(lines.at(-1)).toContain('participant stopped')
  })

  test('killed without a word, it takes the program with it, in good order', async () => {
    const config = await participantConfig()
    const child = spawn(runtime, [BLINDSUM, 'participant', '--config', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines: string[] = []
    // The pipe ends only when everybody who writes into it is gone.
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line)
      if (line.includes('participant started')) child.kill('SIGKILL')
    }
    expect(child.signalCode).toBe('SIGKILL')
    const isProgramItself = runtime === process.execPath
    expect(lines.at(-1)).toContain(isProgramItself ? 'participant' : 'participant stopped')
  })
})

test('without the runtime it says what to do', async () => {
  const bare = join(folder, 'bare')
  mkdirSync(join(bare, 'bin'), { recursive: true })
  cpSync(BLINDSUM, join(bare, 'bin', 'blindsum.js'))
  writeFileSync(join(bare, 'bin', 'main.ts'), 'process.exit(0)\n')
  writeFileSync(join(bare, 'package.json'), JSON.stringify({ type: 'module', dependencies: { node: '99.0.0' } }))
  const program = join(bare, 'bin', 'blindsum.js')
  const { code, stderr } = await runAsProcess(['--version'], { runtime, program })
  expect(code).toBe(1)
  expect(stderr).toMatch(/^blindsum: its runtime, Node 99\.0\.0 .* is not installed.*npm rebuild node\n$/)
})

/** A site whose coordinator does not answer: the agent keeps trying. */
async function participantConfig(): Promise<string> {
  const ca = join(folder, 'ca')
  if (!existsSync(ca)) await initAuthority({ folder: ca, trustDomain: 'demo.example' })
  await issueSvid({ folder: ca, path: '/site/a', out: join(folder, 'identity') })
  const config = {
    dataFolder: './data',
    identity: {
      certificate: './identity/svid.pem',
      privateKey: './identity/svid.key',
      trustBundle: './identity/bundle.json',
    },
    coordinator: { address: `127.0.0.1:${await freePort()}`, spiffeId: 'spiffe://demo.example/coordinator' },
    data: { default: { format: 'csv', path: './data.csv' } },
    policy: './policy.yaml',
  }
  writeFileSync(join(folder, 'policy.yaml'), stringify({ planAuthors: ['spiffe://demo.example/author/*'] }))
  const path = join(folder, 'participant.yaml')
  writeFileSync(path, stringify(config))
  return path
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 1
}
