/** Every command's door: help with an example, exit codes, and errors that say what to do. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../bin/command-table.ts'
import { writePlan } from '../../demo/plan.ts'
import { runAsProcess, runInProcess } from './run-commands.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-commands-'))
afterAll(() => rmSync(folder, { recursive: true }))

const NAMES = COMMANDS.map(({ name }) => name)

describe.each(NAMES)('blindsum %s', (name) => {
  test('--help shows usage and an example, exit 0', async () => {
    const { code, stdout, stderr } = await runInProcess(name, ['--help'])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    expect(stdout).toMatch(new RegExp(`^Usage: blindsum ${name}`))
    expect(stdout).toMatch(/Example:\n {2}blindsum /)
  })

  test('an unknown option is wrong usage, exit 2', async () => {
    const { code, stdout, stderr } = await runInProcess(name, ['--no-such-option'])
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(`blindsum ${name}: `)
    expect(stderr).toContain('no-such-option')
    expect(stderr).toContain(`Try: blindsum ${name} --help`)
  })

  test('words too many are wrong usage, exit 2', async () => {
    const { code } = await runInProcess(name, ['one', 'two', 'three'])
    expect(code).toBe(2)
  })
})

describe('blindsum', () => {
  test('alone lists the commands and is wrong usage', async () => {
    const { code, stderr } = await runAsProcess([])
    expect(code).toBe(2)
    for (const name of NAMES) expect(stderr).toContain(name)
  })

  test('--help lists the commands', async () => {
    const { code, stdout } = await runAsProcess(['--help'])
    expect(code).toBe(0)
    for (const name of NAMES) expect(stdout).toContain(name)
  })

  test('an unknown command says so', async () => {
    const { code, stderr } = await runAsProcess(['dance'])
    expect(code).toBe(2)
    expect(stderr).toBe('blindsum: there is no command "dance"\nTry: blindsum --help\n')
  })

  test('help COMMAND is COMMAND --help', async () => {
    for (const words of [['run'], ['run', 'watch']]) {
      expect(await runAsProcess(['help', ...words])).toEqual(await runAsProcess([...words, '--help']))
    }
    expect((await runAsProcess(['help', 'run'])).stdout).toMatch(/^Usage: blindsum run COMMAND /)
  })

  test('an unknown option names the known ones', async () => {
    const { code, stderr } = await runAsProcess(['--nope'])
    expect(code).toBe(2)
    expect(stderr).toBe('blindsum: there is no option --nope; there are --help, --version\nTry: blindsum --help\n')
  })

  test('half a command names the other halves', async () => {
    const { code, stderr } = await runAsProcess(['run'])
    expect(code).toBe(2)
    expect(stderr).toContain('expected one of check, submit, list, show, watch, pause, resume, cancel; got nothing')
  })
})

describe('errors', () => {
  test.each(['coordinator', 'participant', 'participant check'])('%s without --config names it', async (name) => {
    const { code, stderr } = await runInProcess(name, [])
    expect(code).toBe(2)
    expect(stderr).toContain('--config is required')
  })

  test.each(['coordinator', 'participant'])('%s with a missing config file is refused in one line', async (name) => {
    const { code, stderr } = await runInProcess(name, ['--config', join(folder, 'absent.yaml')])
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^blindsum ${name}: .*absent.yaml cannot be read: ENOENT[^\n]*\n$`))
  })

  test('unknown config keys are all named, one line each', async () => {
    const file = join(folder, 'participant.yaml')
    writeFileSync(file, 'dataFolder: ./data\ndataFoldr: ./typo\npolicy: {minimumCohort: 3}\n')
    const { code, stderr } = await runInProcess('participant', ['--config', file])
    expect(code).toBe(1)
    expect(stderr).toContain('dataFoldr')
    expect(stderr).toContain('the policy is a file of its own')
    expect(stderr).toContain('identity')
    for (const line of stderr.trim().split('\n')) expect(line).toMatch(/^blindsum participant: /)
  })

  test('missing fields, misspelt keys and broken YAML are told in words', async () => {
    const file = join(folder, 'plan.yaml')
    writeFileSync(file, 'name: x\nround: 3\n')
    const typo = (await runInProcess('run check', [file])).stderr
    expect(typo).toContain(`${file}: rounds is missing\n`)
    expect(typo).toContain(`${file}: unknown key "round"; did you mean rounds?\n`)
    writeFileSync(file, 'a: [\nb: }\n c: - :\n d: [}\n- x: {\n')
    const broken = (await runInProcess('run check', [file])).stderr
    expect(broken.trim().split('\n')).toHaveLength(3)
    expect((await runInProcess('run check', ['nosuch.yaml'])).stderr).toContain('give the path of a plan file')
  })

  test('a model that is no ONNX file is named', async () => {
    const file = writePlan(folder, { sites: ['north', 'south', 'east'], rounds: 1, seed: 1 })
    writeFileSync(join(folder, 'forward.onnx'), 'not a model')
    const { code, stderr } = await runInProcess('run check', [file])
    expect(code).toBe(1)
    expect(stderr).toMatch(/\.onnx: .*see docs\/models\.md\n$/)
  })

  test('verify says in words which path leads nowhere', async () => {
    const { stderr } = await runInProcess('verify', [join(folder, 'nowhere'), '--key', 'k.pem', '--no-receipts'])
    expect(stderr).toMatch(/nowhere cannot be listed: there is nothing at that path\n$/)
  })

  test('nobody at the address: one line without the library’s own words', async () => {
    await runInProcess('ca init', ['--trust-domain', 'demo.example', '--out', join(folder, 'far-ca')])
    const identity = join(folder, 'far-identity')
    await runInProcess('ca issue', ['/operator/ada', '--ca', join(folder, 'far-ca'), '--out', identity])
    const where = ['--coordinator', '127.0.0.1:1', '--server-id', 'spiffe://demo.example/coordinator']
    const { code, stderr } = await runInProcess('run list', [...where, '--identity', identity])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^blindsum run list: nothing answers at 127\.0\.0\.1:1: [^\n]*stand between\?\n$/)
  })

  test('an operator command without a connection says how to give one', async () => {
    const { code, stderr } = await runInProcess('run list', [])
    expect(code).toBe(2)
    expect(stderr).toContain('--operator FILE, or --coordinator, --server-id and --identity')
  })

  test('a check of nothing fails and still answers in JSON', async () => {
    const { code, stderr } = await runInProcess('participant check', [
      '--config',
      join(folder, 'absent.yaml'),
      '--json',
    ])
    expect(code).toBe(1)
    expect(stderr).toBe('')
  })

  test('bad numbers name option and bounds', async () => {
    const { code, stderr } = await runInProcess('run check', ['plan.yaml', '--examples', 'many'])
    expect(code).toBe(2)
    expect(stderr).toContain('--examples must be a whole number from 1 to 1000000000, not "many"')
  })

  test('--json gives errors as JSON too', async () => {
    const { code, stdout } = await runInProcess('ca show', ['--ca', join(folder, 'nowhere'), '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: 'authority_unreadable' })
  })
})

describe('ca', () => {
  test('init, issue and show make identities; a second init is refused', async () => {
    const ca = join(folder, 'ca')
    const init = await runInProcess('ca init', ['--trust-domain', 'demo.example', '--out', ca])
    expect(init.code).toBe(0)
    expect(init.stdout).toContain('for demos and tests')
    const again = await runInProcess('ca init', ['--trust-domain', 'demo.example', '--out', ca])
    expect(again.code).toBe(1)
    const out = join(folder, 'north')
    const issued = await runInProcess('ca issue', [
      '/site/north',
      '--ca',
      ca,
      '--out',
      out,
      '--lifetime',
      '2h',
      '--json',
    ])
    expect(issued.code).toBe(0)
    const answer = JSON.parse(issued.stdout)
    expect(answer.spiffeId).toBe('spiffe://demo.example/site/north')
    expect(answer.notAfterMs - Date.now()).toBeLessThan(2 * 3_600_000 + 1000)
    const shown = await runInProcess('ca show', ['--ca', ca])
    expect(shown.stdout).toContain('spiffe://demo.example')
  })

  test('a lifetime that is no lifetime is wrong usage', async () => {
    const { code, stderr } = await runInProcess('ca issue', ['/x', '--ca', 'ca', '--out', 'x', '--lifetime', 'long'])
    expect(code).toBe(2)
    expect(stderr).toContain('--lifetime must be a number and m, h or d, not "long"')
  })
})
