/** What `participant check` says of identities that are valid and will not do. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { writePlan } from '../../demo/plan.ts'
import { TRUST_DOMAIN } from '../../demo/sites.ts'
import { initAuthority, issueSvid } from '../../shared/authority/authority-folder.ts'
import { runInProcess } from './run-commands.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-checks-'))
afterAll(() => rmSync(folder, { recursive: true }))

const config = join(folder, 'participant.yaml')
const AUTHOR = 'spiffe://other.example/author/a'

function writePolicy(planAuthors: string[]): void {
  writeFileSync(join(folder, 'policy.yaml'), stringify({ planAuthors }))
}

beforeAll(async () => {
  const ca = join(folder, 'ca')
  await initAuthority({ folder: ca, trustDomain: 'other.example' })
  await issueSvid({ folder: ca, spiffeId: AUTHOR, out: join(folder, 'author') })
  await issueSvid({ folder: ca, path: '/site/a', out: join(folder, 'identity'), lifetimeMs: 300_000 })
  writeFileSync(
    config,
    stringify({
      dataFolder: './data',
      identity: {
        certificate: './identity/svid.pem',
        privateKey: './identity/svid.key',
        trustBundle: './identity/bundle.json',
      },
      coordinator: { address: '127.0.0.1:1', spiffeId: 'spiffe://clinics.example/coordinator' },
      data: { default: { format: 'npy', features: './x.npy', labels: './y.npy' } },
      policy: './policy.yaml',
    }),
  )
  writePolicy([AUTHOR])
})

async function findings(
  ...args: string[]
): Promise<{ name: string; ok: boolean; isOptional: boolean; detail: string }[]> {
  const { stdout, code } = await runInProcess('participant check', ['--config', config, '--json', ...args])
  expect(code).toBe(1)
  return JSON.parse(stdout).findings
}

describe('participant check', () => {
  test('a certificate of another trust domain than the coordinator’s', async () => {
    expect(await findings()).toContainEqual({
      name: 'trust domain',
      ok: false,
      isOptional: false,
      detail: expect.stringContaining('your certificate is of other.example, the coordinator of clinics.example'),
    })
  })

  test('a certificate about to end is a warning', async () => {
    expect(await findings()).toContainEqual({
      name: 'renewal',
      ok: false,
      isOptional: true,
      detail: expect.stringMatching(/^the certificate ends in [45] min/),
    })
  })

  test('authors who are all of another trust domain, though nobody has a plan yet', async () => {
    writePolicy(['spiffe://clinics.example/author/*'])
    const found = await findings()
    writePolicy([AUTHOR])
    expect(found).toContainEqual({
      name: 'author',
      ok: false,
      isOptional: false,
      detail: expect.stringContaining('plan_authors_foreign: policy.planAuthors names nobody in other.example'),
    })
  })

  test('a plan nobody has signed yet is a warning with whose signature it needs', async () => {
    const plan = writePlan(folder, { sites: ['north', 'south', 'east'], rounds: 1, seed: 1 })
    expect(await findings('--plan', plan)).toContainEqual({
      name: 'author',
      ok: false,
      isOptional: true,
      detail: expect.stringContaining(AUTHOR),
    })
  })

  test('a signed plan: by whom, and that the policy does not name somebody else', async () => {
    const plan = writePlan(folder, { sites: ['north', 'south', 'east'], rounds: 1, seed: 1 })
    const signed = join(folder, 'plan.signed.json')
    expect(await runInProcess('plan sign', [plan, '--identity', join(folder, 'author')])).toMatchObject({ code: 0 })
    expect(await findings('--plan', signed)).toContainEqual({
      name: 'author',
      ok: true,
      isOptional: false,
      detail: expect.stringContaining(`signed by ${AUTHOR}`),
    })
    await runInProcess('plan sign', [plan, '--identity', join(folder, 'identity'), '--out', signed])
    expect(await findings('--plan', signed)).toContainEqual({
      name: 'author',
      ok: false,
      isOptional: false,
      detail: expect.stringContaining('plan_author_not_permitted'),
    })
  })

  test('the policy beside an author whom it does not name: the rest of it', async () => {
    const plan = writePlan(folder, { sites: ['a', 'b', 'c'], rounds: 1, seed: 1 })
    writeFileSync(plan, readFileSync(plan, 'utf8').replaceAll(TRUST_DOMAIN, 'other.example'))
    const signed = join(folder, 'plan.signed.json')
    await runInProcess('plan sign', [plan, '--identity', join(folder, 'identity'), '--out', signed])
    const found = await findings('--plan', signed)
    expect(found).toContainEqual(expect.objectContaining({ name: 'author', ok: false }))
    expect(found).toContainEqual(
      expect.objectContaining({ name: 'policy', ok: true, detail: 'the rest of the policy permits it' }),
    )
  })

  test('a plan that does not enrol the site', async () => {
    const plan = writePlan(folder, { sites: ['north', 'south', 'east'], rounds: 1, seed: 1 })
    expect(await findings('--plan', plan)).toContainEqual({
      name: 'policy',
      ok: false,
      isOptional: false,
      detail: expect.stringContaining('spiffe://other.example/site/a is not enrolled in this plan'),
    })
  })
})
