/** Signed plans as files: what `plan sign` writes is read back to the byte, and nothing else is taken for it. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

  test('is JSON of its own format: other JSON is read as YAML', () => {
    const path = changed((content) => {
      content.format = 'blindsum/signed-plan/v2'
    })
    expect(refusal(path).code).toBe('bad_config')
    expect(refusal(join(folder, 'absent.json')).code).toBe('config_unreadable')
  })
})
