/** Signed plans as files: what `plan sign` writes is read back to the byte, and nothing else is taken for it. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { loadPlanFile } from '../../bin/plan-file.ts'
import { loadPlan } from '../../bin/signed-plan.ts'
import { writePlan } from '../../demo/plan.ts'
import { initAuthority, issueSvid } from '../../shared/authority/authority-folder.ts'
import { ConfigError } from '../../shared/errors.ts'
import { DAY_MS, verifyPlanSignature } from '../../shared/plan/plan-signature.ts'
import { loadIdentity } from '../../shared/transport/load-identity.ts'
import { runInProcess } from './run-commands.ts'

const AUTHOR = 'spiffe://demo.example/author/ada'
const folder = mkdtempSync(join(tmpdir(), 'blindsum-signed-'))
const author = join(folder, 'author')
const yaml = join(folder, 'plan.yaml')
const signed = join(folder, 'plan.signed.json')
afterAll(() => rmSync(folder, { recursive: true }))

beforeAll(async () => {
  const ca = join(folder, 'ca')
  await initAuthority({ folder: ca, trustDomain: 'demo.example' })
  await issueSvid({ folder: ca, spiffeId: AUTHOR, out: author })
  writePlan(folder, { sites: ['north', 'south', 'east'], rounds: 1, seed: 1 })
  expect(await runInProcess('plan sign', [yaml, '--identity', author])).toMatchObject({ code: 0, stderr: '' })
})

function refusal(path: string, model?: string): { code: string; text: string } {
  try {
    loadPlan(path, model)
  } catch (error) {
    if (error instanceof ConfigError) return { code: error.code, text: error.problems.join('\n') }
    throw error
  }
  throw new Error('the plan was not refused')
}

/** The signed file with some of it changed, under a name of its own. */
function changed(change: (content: Record<string, unknown>) => void): string {
  const content = JSON.parse(readFileSync(signed, 'utf8'))
  change(content)
  const path = join(folder, 'changed.json')
  writeFileSync(path, JSON.stringify(content))
  return path
}

function verdictOn(path: string) {
  const { digest: planDigest, signature } = loadPlan(path)
  const files = { certificate: 'svid.pem', privateKey: 'svid.key', trustBundle: 'bundle.json' }
  const paths = Object.fromEntries(Object.entries(files).map(([field, name]) => [field, join(author, name)]))
  const { bundle } = loadIdentity(paths as typeof files, Date.now())
  return verifyPlanSignature({ planDigest, signature, bundle, nowMs: Date.now(), maxAgeMs: DAY_MS })
}

describe('plan sign', () => {
  test('writes the document that the YAML makes, signed by the identity', () => {
    const { document, modelBytes } = loadPlanFile(yaml)
    expect(loadPlan(signed)).toMatchObject({ document, modelBytes, signature: { authorId: AUTHOR } })
    expect(verdictOn(signed)).toEqual({ ok: true, authorId: AUTHOR })
  })

  test('--json says who signed what', async () => {
    const { stdout } = await runInProcess('plan sign', [yaml, '--identity', author, '--json'])
    const planDigest = Buffer.from(loadPlanFile(yaml).digest).toString('hex')
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, authorId: AUTHOR, path: signed, planDigest })
  })

  test('needs an identity, and one that can be read', async () => {
    expect((await runInProcess('plan sign', [yaml])).code).toBe(2)
    const { code, stderr } = await runInProcess('plan sign', [yaml, '--identity', join(folder, 'nobody')])
    expect(code).toBe(1)
    expect(stderr).toContain('nobody')
  })

  test('run check reads what it wrote', async () => {
    const { code, stdout } = await runInProcess('run check', [signed])
    expect(code).toBe(0)
    expect(stdout).toContain('digits: 1 rounds')
  })
})

describe('a signed plan', () => {
  test('laid out in another way is the same plan', () => {
    const path = changed(() => {})
    expect(verdictOn(path)).toEqual({ ok: true, authorId: AUTHOR })
  })

  test('with anything in the plan changed is not what was signed', () => {
    const path = changed((content) => {
      content.plan = { ...(content.plan as object), rounds: 2 }
    })
    expect(verdictOn(path)).toMatchObject({ ok: false, code: 'plan_signature_wrong' })
  })

  test('with an unknown key in the plan, or beside it, is refused', () => {
    const inPlan = changed((content) => {
      content.plan = { ...(content.plan as object), colour: 'red' }
    })
    expect(refusal(inPlan)).toMatchObject({ code: 'bad_plan', text: expect.stringContaining('colour') })
    const beside = changed((content) => {
      content.colour = 'red'
    })
    expect(refusal(beside)).toMatchObject({ code: 'bad_signed_plan', text: expect.stringContaining('colour') })
  })

  test('without its signature is refused', () => {
    const path = changed((content) => {
      delete content.signature
    })
    expect(refusal(path)).toMatchObject({ code: 'bad_signed_plan', text: expect.stringContaining('signature') })
  })

  test('finds its model beside it, or where it is told that the model has moved', () => {
    const elsewhere = join(folder, 'elsewhere')
    mkdirSync(elsewhere)
    renameSync(join(folder, 'forward.onnx'), join(elsewhere, 'forward.onnx'))
    expect(refusal(signed)).toMatchObject({ code: 'model_unreadable', text: expect.stringContaining('forward.onnx') })
    expect(loadPlan(signed, join(elsewhere, 'forward.onnx')).signature?.authorId).toBe(AUTHOR)
    writeFileSync(join(folder, 'forward.onnx'), 'another model')
    expect(refusal(signed)).toMatchObject({ code: 'model_mismatch' })
    renameSync(join(elsewhere, 'forward.onnx'), join(folder, 'forward.onnx'))
  })

  test('that is not there is the YAML reader’s to refuse', () => {
    expect(refusal(join(folder, 'absent.signed.json')).code).toBe('config_unreadable')
  })
})

describe('what is meant as a signed plan is never read as YAML', () => {
  const whole = () => readFileSync(signed, 'utf8')
  const cases: [string, string, (text: string) => string, RegExp][] = [
    [
      'another version',
      'v2.json',
      (text) => text.replace('signed-plan/v1', 'signed-plan/v2'),
      /plan\/v2.*reads.*plan\/v1/,
    ],
    ['no format', 'none.json', (text) => text.replace('"format"', '"colour"'), /format is missing/],
    ['cut in the middle', 'half.json', (text) => text.slice(0, text.length / 2), /cut off/],
    [
      'cut behind a bracket',
      'most.json',
      (text) => text.slice(0, text.lastIndexOf('}', text.length - 4) + 1),
      /cut off/,
    ],
    ['nothing left but the name', 'empty.signed.json', () => '', /cut off/],
    ['a byte order mark', 'bom.json', (text) => `\ufeff${text}`, /byte order mark/],
    [
      'a key twice',
      'twice.json',
      (text) => text.replace('"rounds": 1', '"rounds": 1000000, "rounds": 1'),
      /stands twice/,
    ],
    ['written as YAML', 'plan-signed.yaml', (text) => stringify(JSON.parse(text)), /not a signed plan/],
    [
      'no list of certificates',
      'list.json',
      (text) => text.replace(/\[[^\]]*\](?=,\s*"signature")/, '"x"'),
      /must be a list/,
    ],
  ]
  test.each(cases)('%s', (_what, name, change, words) => {
    const path = join(folder, name)
    expect(change(whole())).not.toBe(whole())
    writeFileSync(path, change(whole()))
    const { code, text } = refusal(path)
    expect(code).toBe('bad_signed_plan')
    expect(text).toMatch(words)
    expect(text.split('\n')).toHaveLength(1)
  })

  test('nor is it signed a second time', async () => {
    const { code, stdout } = await runInProcess('plan sign', [signed, '--identity', author, '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: 'bad_signed_plan' })
  })
})

describe('run check', () => {
  test('says who signed, and that nobody vouches for it', async () => {
    const { stdout } = await runInProcess('run check', [signed])
    expect(stdout).toMatch(new RegExp(`\nauthor     signed by ${AUTHOR} at .* UTC \\(no trust bundle was asked\\)\n`))
    expect((await runInProcess('run check', [yaml])).stdout).not.toContain('author ')
  })

  const cases: [string, (content: Record<string, unknown>) => void][] = [
    ['plan_signature_wrong', (content) => Object.assign(content.plan as object, { rounds: 2 })],
    ['plan_signature_wrong', (content) => Object.assign(content.signature as object, { signedAtMs: 1 })],
    ['plan_author_mismatch', (content) => Object.assign(content.signature as object, { authorId: `${AUTHOR}x` })],
    [
      'plan_certificate_refused',
      (content) => Object.assign(content.signature as object, { certificateChain: ['AAAA'] }),
    ],
  ]
  test.each(cases)('%s', async (error, change) => {
    const { code, stdout } = await runInProcess('run check', [changed(change), '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error })
  })
})
