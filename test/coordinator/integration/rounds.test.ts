/**
 * A whole run over mutually authenticated loopback connections with real agents: every published version is the old one
 * plus the weighted mean of plain updates, and its export passes verification.
 */
import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openExportFolder } from '../../../bin/commands/verify-folder.ts'
import { writeExport } from '../../../bin/export-folder.ts'
import type { Coordinator } from '../../../coordinator/main.ts'
import { decodeModel } from '../../../shared/onnx/decode.ts'
import { extractParameters } from '../../../shared/onnx/parameters.ts'
import { encodingOf } from '../../../shared/plan/plan-rules.ts'
import { parseProvenanceKey } from '../../../shared/provenance/verify/public-key.ts'
import { verifyVersion } from '../../../shared/provenance/verify/verify-version.ts'
import { readTrustBundle } from '../../../shared/transport/load-identity.ts'
import { connectOperator, type LabAgent, type LabOperator, startAgent, startLab } from './lab.ts'
import { MODEL, makePlan, planDocumentOf } from './plans.ts'
import { makeTrustDomain, OPERATOR_ID, SITES, TRUST_DOMAIN, type TrustDomainFolder } from './trust-domain.ts'

let domain: TrustDomainFolder
let coordinator: Coordinator
let agents: LabAgent[]
let lab: LabOperator

beforeAll(async () => {
  domain = await makeTrustDomain()
  coordinator = await startLab(domain)
  agents = SITES.map((spiffeId) => startAgent(domain, { spiffeId, address: coordinator.participantsAddress }))
  lab = connectOperator(domain, coordinator.operatorsAddress)
})

afterAll(async () => {
  lab.close()
  await Promise.all(agents.map((agent) => agent.stop()))
  await coordinator.close()
  await domain.remove()
})

describe('a run of two rounds', () => {
  const plan = makePlan({ name: 'two-rounds', rounds: 2 })
  const events: { kind: string; body: Record<string, unknown> }[] = []

  test('is submitted, plays its rounds, judges the final version and completes', async () => {
    const submitted = await lab.submit(planDocumentOf(plan), MODEL)
    expect(submitted).toMatchObject({ name: 'two-rounds', state: 'running', round: 0, rounds: 2 })
    for await (const event of lab.operator.watch('two-rounds', 0)) {
      events.push({ kind: event.kind, body: JSON.parse(event.body) })
    }
    expect(events.at(0)).toMatchObject({ kind: 'run_submitted', body: { name: 'two-rounds', by: OPERATOR_ID } })
    const published = events.filter(({ kind }) => kind === 'version_published')
    expect(published.map(({ body }) => body.version)).toEqual([1, 2])
    for (const { body } of published) {
      expect(body).toMatchObject({ survivors: 5, roster: 5, float32Bytes: 4 * plan.model.parameterCount })
      expect(body.bytesUpPerSite).toBeGreaterThan(1000)
    }
    const final = events.find(({ kind }) => kind === 'final_evaluated')
    expect(final?.body).toMatchObject({ version: 2, reason: '', metrics: { evalExamples: 50, evalAccuracy: 0.5 } })
    expect(events.at(-1)).toMatchObject({ kind: 'run_completed', body: { version: 2 } })
    expect(await lab.operator.show('two-rounds')).toMatchObject({ state: 'completed', round: 2 })
  })

  test('tells every change of stage', () => {
    const stages = events.filter(({ kind, body }) => kind === 'stage' && body.round === 1)
    const seen = [...new Set(stages.map(({ body }) => body.stage))]
    expect(seen).toEqual([
      'prepare',
      'advertise-keys',
      'share-keys',
      'mask-input',
      'attest-survivors',
      'reveal-shares',
      'unmask',
    ])
    expect(stages.at(-2)?.body).toMatchObject({ stage: 'reveal-shares', answered: 5, of: 5 })
  })

  test('publishes the weighted mean of the plain updates, within the bound of the quantiser', async () => {
    let before = extractParameters(decodeModel(MODEL), []).values
    for (const version of [1, 2]) {
      const after = await parametersOf('two-rounds', String(version))
      const trained = agents.map((agent) => agent.trained.find(({ round }) => round === version))
      const weight = trained.reduce((sum, one) => sum + (one?.examples ?? 0), 0)
      const { laneRange, maxWeight, inputBits } = encodingOf(plan)
      const unit = (laneRange * maxWeight) / ((2 ** (inputBits - 1) - 1) * weight)
      for (let place = 0; place < after.length; place += 1) {
        const mean = trained.reduce((sum, one) => sum + (one?.examples ?? 0) * (one?.update[place] ?? 0), 0) / weight
        const error = Math.abs(after[place]! - before[place]! - mean)
        expect(error).toBeLessThanOrEqual(agents.length * unit + 1e-6)
      }
      before = after
    }
  })

  test('exports a folder that verification accepts', async () => {
    const out = await exported('two-rounds', 'latest')
    const key = parseProvenanceKey(readFileSync(join(domain.folder, 'signing.pub.pem'), 'utf8'))
    const trustBundle = readTrustBundle(domain.filesOf(SITES[0]!).trustBundle, TRUST_DOMAIN)
    const report = verifyVersion(openExportFolder(out), { key, trustBundle, receiptsWaived: false })
    expect(report.firstBroken).toBeNull()
    expect(report).toMatchObject({ ok: true, version: 2, receipts: 'checked' })
  })

  test('lists versions with their summed metrics, the best one marked', async () => {
    const versions = await lab.operator.versions('two-rounds')
    expect(versions.map(({ version, best }) => [version, best])).toEqual([
      [0, false],
      [1, false],
      [2, true],
    ])
    expect(JSON.parse(versions[1]!.metrics)).toMatchObject({ trainLoss: 0.5, evalAccuracy: 0.5 })
  })
})

async function exported(run: string, version: string): Promise<string> {
  const out = join(mkdtempSync(join(domain.folder, 'export-')), 'out')
  await writeExport(out, lab.operator.exportVersion(run, version))
  return out
}

async function parametersOf(run: string, version: string): Promise<Float32Array> {
  const bytes = new Uint8Array(readFileSync(join(await exported(run, version), 'model/model.onnx')))
  return extractParameters(decodeModel(bytes), []).values
}
