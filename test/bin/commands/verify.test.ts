/** `blindsum verify` over real folders: exit codes, what it prints, and what it refuses to trust. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { verifyCommand } from '../../../bin/commands/verify.ts'
import { encodeTrustBundle } from '../../../shared/identity/trust-bundle.ts'
import { bundleOf, makeAuthority } from '../../shared/identity/test-pki.ts'
import { type History, makeHistory } from '../../shared/provenance/history.ts'
import { newFolder, newSigner, removeSigners } from '../../shared/provenance/verifying.ts'

afterAll(removeSigners)
const history = makeHistory(newSigner())
const trusted = newFolder()
const KEY = join(trusted, 'coordinator.pub.pem')
const BUNDLE = join(trusted, 'sites.bundle.json')
writeFileSync(KEY, history.publicKeyPem)
writeFileSync(BUNDLE, encodeTrustBundle(history.bundle))

function exported({ files }: History = history): string {
  const folder = newFolder()
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  return folder
}

/** The command in this process, with what it wrote. */
async function verify(...args: readonly string[]) {
  const [stdout, stderr] = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation(() => true),
  )
  try {
    const status = await verifyCommand([...args])
    const written = [stdout, stderr].map((spy) => spy!.mock.calls.map(([text]) => String(text)).join(''))
    return { status, stdout: written[0]!, stderr: written[1]! }
  } finally {
    stdout!.mockRestore()
    stderr!.mockRestore()
  }
}

test('as a process it ends with its exit code', () => {
  const script = `const { verifyCommand } = await import('./bin/commands/verify.ts')
    process.exitCode = await verifyCommand(process.argv.slice(1))`
  const args = [exported(), '--key', KEY, '--trust-bundle', BUNDLE]
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script, '--', ...args], { encoding: 'utf8' })
  expect(run).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('verified: version 3') })
})

describe('a folder as exported', () => {
  const folder = exported()

  test('is verified, its lineage printed newest first', async () => {
    const { status, stdout, stderr } = await verify(folder, '--key', KEY, '--trust-bundle', BUNDLE)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(5)
    expect(lines[0]).toMatch(/^ {2}✓ version 3 +5 of 5 sites +model [0-9a-f]{16} /)
    expect(lines[1]).toMatch(/^ {2}✓ version 2 +4 of 5 sites /)
    expect(lines[3]).toMatch(/^ {2}✓ version 0 +initial model /)
    expect(lines[4]).toBe(
      'verified: version 3, back to version 0, run digits, built by spiffe://blindsum.example/coordinator',
    )
  })

  test('is described as one JSON object', async () => {
    const { status, stdout } = await verify(
      folder,
      '--key',
      KEY,
      '--trust-bundle',
      BUNDLE,
      '--trust-domain',
      'sites.example',
      '--json',
    )
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, version: 3, firstBroken: null, receipts: 'checked' })
    expect(JSON.parse(stdout).links.length).toBeGreaterThan(15)
  })

  test('without a trust bundle says that receipts are not checked', async () => {
    const refused = await verify(folder, '--key', KEY)
    expect(refused.status).toBe(1)
    expect(refused.stdout).toContain('receipts not checked')
    const waived = await verify(folder, '--key', KEY, '--no-receipts')
    expect(waived.status).toBe(0)
    expect(waived.stdout).toContain('receipts not checked')
  })

  test('is refused under the bundle of another domain', async () => {
    const other = join(trusted, 'other.bundle.json')
    writeFileSync(other, encodeTrustBundle(bundleOf([makeAuthority('other.example')], 'other.example')))
    const mistaken = await verify(folder, '--key', KEY, '--trust-bundle', other)
    expect(mistaken.status).toBe(1)
    expect(mistaken.stdout).toContain('broken link: certificates of version 3 (certificate_refused)')
    const named = await verify(
      folder,
      '--key',
      KEY,
      '--trust-bundle',
      other,
      '--trust-domain',
      'other.example',
      '--json',
    )
    expect(JSON.parse(named.stdout)).toMatchObject({ ok: false, firstBroken: { code: 'trust_domain_differs' } })
  })
})

describe('a folder that was changed', () => {
  test('by one byte of the model is refused, naming the link', async () => {
    const folder = exported()
    const model = readFileSync(join(folder, 'model/model.onnx'))
    model[0]! ^= 1
    writeFileSync(join(folder, 'model/model.onnx'), model)
    const { status, stdout } = await verify(folder, '--key', KEY, '--trust-bundle', BUNDLE)
    expect(status).toBe(1)
    expect(stdout).toContain('✗ version 3')
    expect(stdout).toContain('broken link: model of version 3 (model_differs)')
    expect(stdout).toContain('version 2 and older: not reached')
  })

  test('to point elsewhere is refused: a link is no file', async () => {
    const folder = exported()
    writeFileSync(join(trusted, 'model.onnx'), history.files.get('model/model.onnx')!)
    unlinkSync(join(folder, 'model/model.onnx'))
    symlinkSync(join(trusted, 'model.onnx'), join(folder, 'model/model.onnx'))
    expect((await verify(folder, '--key', KEY, '--no-receipts')).stdout).toContain('(file_missing)')
  })

  test('to hold an absurdly large statement is refused without reading it', async () => {
    const folder = exported()
    truncateSync(join(folder, 'provenance.sigstore.json'), 1024 ** 4)
    expect((await verify(folder, '--key', KEY, '--no-receipts')).stdout).toContain('(file_missing)')
  })
})

describe('what the reader brings', () => {
  test('must lie outside the folder', async () => {
    const folder = exported()
    writeFileSync(join(folder, 'key.pem'), history.publicKeyPem)
    writeFileSync(join(folder, 'bundle.json'), encodeTrustBundle(history.bundle))
    const key = await verify(folder, '--key', join(folder, 'key.pem'), '--no-receipts')
    expect(key.status).toBe(1)
    expect(key.stderr).toContain('lies inside the folder to be verified')
    const bundle = await verify(folder, '--key', KEY, '--trust-bundle', join(folder, 'bundle.json'))
    expect(bundle.status).toBe(1)
    expect(bundle.stderr).toContain('lies inside the folder to be verified')
  })

  test.each([
    ['no file', 'missing.pem', null, 'cannot be read'],
    ['no key', 'text.pem', 'hello', 'BEGIN PUBLIC KEY'],
    ['no bundle for a key', 'bundle.pem', encodeTrustBundle(history.bundle), 'BEGIN PUBLIC KEY'],
  ])('%s', async (_, name, content, message) => {
    const file = join(trusted, name)
    if (content !== null) writeFileSync(file, content)
    const { status, stderr, stdout } = await verify(exported(), '--key', file, '--no-receipts', '--json')
    expect(status).toBe(1)
    expect(stderr).toContain(message)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [expect.stringContaining(message)] })
  })

  test('must be a folder', async () => {
    const { status, stderr } = await verify(join(trusted, 'nowhere'), '--key', KEY, '--no-receipts')
    expect(status).toBe(1)
    expect(stderr).toContain('cannot be listed')
  })
})

describe('usage', () => {
  test.each([
    [[]],
    [['folder']],
    [['one', 'two', '--key', KEY]],
    [['folder', '--key', KEY, '--trust-bundle', BUNDLE, '--no-receipts']],
    [['folder', '--key', KEY, '--trust-domain', 'sites.example']],
    [['folder', '--key', KEY, '--unknown']],
  ])('%j is wrong', async (args) => {
    expect(await verify(...args)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('blindsum verify --help'),
    })
  })

  test('--help shows an example', async () => {
    const { status, stdout } = await verify('--help')
    expect(status).toBe(0)
    expect(stdout).toContain('Example:\n  blindsum verify ./')
  })
})
