/**
 * The published package: packed, installed into an empty folder with the machine's own npm and Node, and run. Nothing of
 * the checkout is within its reach.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SOFTWARE_VERSION } from '../../shared/runtime/software-version.ts'
import { ownNode, ownPath, type Ran } from '../bin/run-commands.ts'

const ROOT = join(import.meta.dirname, '../..')
const INSTALL_LIMIT_MS = 300_000
const folder = mkdtempSync(join(tmpdir(), 'blindsum-package-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = promisify(execFile)
/** The machine's own tools, and none of the settings that `npm test` leaves to its children. */
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITEST|BLINDSUM)/i.test(name))),
  PATH: ownPath(),
  ONNXRUNTIME_NODE_INSTALL: 'skip',
}
const place = join(folder, 'somewhere')

async function blindsum(...args: string[]): Promise<Ran> {
  const program = join(place, 'node_modules', 'blindsum', 'bin', 'blindsum.js')
  try {
    const { stdout, stderr } = await run(ownNode(), [program, ...args], { cwd: place, env: environment })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as Ran
    return { code, stdout, stderr }
  }
}

let packed: readonly string[] = []
beforeAll(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: ROOT, env: environment })
  const report = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))
  const [archive] = Array.isArray(report) ? report : Object.values(report)
  packed = archive.files.map((file: { path: string }) => file.path)
  mkdirSync(place)
  // What an installer says about install scripts: the runtime's is needed, the others are not.
  const allowScripts = { node: true, 'onnxruntime-node': false, protobufjs: false }
  writeFileSync(join(place, 'package.json'), JSON.stringify({ name: 'somewhere', private: true, allowScripts }))
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, archive.filename)]
  await run('npm', install, { cwd: place, env: environment, timeout: INSTALL_LIMIT_MS })
}, INSTALL_LIMIT_MS)

describe('the packed files', () => {
  test('are the launcher, the built program and what goes with it', () => {
    for (const file of [
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'bin/blindsum.js',
      'dist/bin/main.js',
    ]) {
      expect(packed).toContain(file)
    }
    expect(packed.filter((file) => file.endsWith('.ts'))).toEqual([])
    expect(packed.filter((file) => /^(test|demo|node_modules|\.ci)\//.test(file))).toEqual([])
  })
})

describe('installed, on the machine’s own Node', () => {
  test('blindsum --version', async () => {
    expect(await blindsum('--version')).toEqual({ code: 0, stdout: `${SOFTWARE_VERSION}\n`, stderr: '' })
  })

  test('blindsum doctor: runtime, libraries and a train step', async () => {
    const { stdout, stderr } = await blindsum('doctor', '--json')
    expect(stderr).toBe('')
    const findings: { name: string; ok: boolean; detail: string }[] = JSON.parse(stdout).findings
    const pinned = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).dependencies.node
    expect(findings.find(({ name }) => name === 'runtime')?.detail).toContain(`Node ${pinned}`)
    for (const name of ['runtime', 'libsodium', 'ChaCha20', 'providers', 'store', 'training']) {
      expect(findings.find((finding) => finding.name === name)).toMatchObject({ ok: true })
    }
  }, 120_000)

  test('blindsum verify --help', async () => {
    const { code, stdout } = await blindsum('verify', '--help')
    expect(code).toBe(0)
    expect(stdout).toContain('blindsum verify DIR')
  })

  test('the coordinator and the agent load', async () => {
    for (const name of ['coordinator', 'participant']) {
      const { code, stderr } = await blindsum(name, '--config', 'absent.yaml')
      expect(code).toBe(1)
      expect(stderr).toContain('absent.yaml cannot be read')
    }
  }, 60_000)

  test('wrong usage keeps its exit code', async () => {
    expect((await blindsum('dance')).code).toBe(2)
  })
})
