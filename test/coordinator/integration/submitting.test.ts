/** Submitting runs and asking about them: what is wrong is told, all at once, and nothing of it is kept. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Coordinator } from '../../../coordinator/main.ts'
import { sha256Hex } from '../../../shared/crypto/digest.ts'
import { decodeModel } from '../../../shared/onnx/decode.ts'
import { encodeModel } from '../../../shared/onnx/encode.ts'
import { extractParameters, withParameters } from '../../../shared/onnx/parameters.ts'
import { canonicalJson } from '../../../shared/plan/plan-document.ts'
import { WIRE_LABEL } from '../../../shared/protocol/label.ts'
import type { SubmitPart } from '../../../shared/wire/generated/blindsum/v1/operator.ts'
import { planSignatureToWire } from '../../../shared/wire/plan-signature.ts'
import { refusalFromError } from '../../../shared/wire/status.ts'
import { connectOperator, type LabOperator, signedAs, startLab } from './lab.ts'
import { describeModel, MODEL, makePlan, planDocumentOf } from './plans.ts'
import { makeTrustDomain, OPERATOR_ID, SITES, STRANGER_ID, type TrustDomainFolder } from './trust-domain.ts'

let domain: TrustDomainFolder
let coordinator: Coordinator
let lab: LabOperator

beforeAll(async () => {
  domain = await makeTrustDomain([])
  coordinator = await startLab(domain, { limits: { planBytes: 20_000, modelBytes: 100_000, drainMs: 0 } })
  lab = connectOperator(domain, coordinator.operatorsAddress)
})

afterAll(async () => {
  lab.close()
  await coordinator.close()
  await domain.remove()
})

const text = (value: unknown) => new TextEncoder().encode(canonicalJson(value))
const refused = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('a plan', () => {
  test.each([
    ['that is no JSON', new TextEncoder().encode('rounds: 3'), /not a JSON document/],
    ['with an unknown key', text({ ...makePlan(), colour: 'red' }), /colour/],
    ['that is not canonical', new TextEncoder().encode(JSON.stringify(makePlan(), null, 1)), /canonical/],
    [
      'with two problems',
      planDocumentOf(
        makePlan({ participants: { minimumCohort: 5 }, security: { gamma: 0.3 }, aggregation: { modulusBits: 16 } }),
      ),
      /modulusBits[\s\S]*minimumCohort|minimumCohort[\s\S]*modulusBits/,
    ],
    [
      'for another trust domain',
      planDocumentOf(makePlan({ participants: { enrolled: SITES.map((id) => id.replace('lab.', 'other.')) } })),
      /trust domain lab\.example/,
    ],
  ])('%s is refused', async (_case, document, message) => {
    await expect(lab.submit(document, MODEL)).rejects.toEqual(refused('bad_plan', message))
  })

  test('over the limit is refused', async () => {
    const document = text({ ...makePlan(), padding: 'x'.repeat(20_000) })
    await expect(lab.submit(document, MODEL)).rejects.toEqual(refused('plan_too_large', /20000/))
  })
})

describe('a model', () => {
  const submitModel = (model: Uint8Array) => {
    const described = { ...makePlan().model, ...partly(model) }
    return lab.submit(planDocumentOf(makePlan({ name: 'bad-model', model: described })), model)
  }

  test('other than the one the plan names is refused', async () => {
    const other = MODEL.slice()
    other[other.length - 1]! ^= 1
    await expect(lab.submit(planDocumentOf(makePlan()), other)).rejects.toEqual(
      refused('bad_model', /not the one the plan names/),
    )
    await expect(lab.submit(planDocumentOf(makePlan()), MODEL.subarray(10))).rejects.toEqual(
      refused('bad_model', /not the one the plan names/),
    )
  })

  test('longer than announced is refused while it comes', async () => {
    const longer = new Uint8Array(MODEL.length + 1)
    await expect(lab.submit(planDocumentOf(makePlan()), longer)).rejects.toMatchObject({
      code: 'wrong_length',
    })
  })

  test('over the limit is refused before it comes', async () => {
    const plan = makePlan({ model: { bytes: 100_001 } })
    await expect(lab.submit(planDocumentOf(plan), MODEL)).rejects.toEqual(refused('model_too_large', /100001/))
  })

  test('with weights that are not finite is refused', async () => {
    const model = decodeModel(MODEL)
    const values = extractParameters(model, []).values
    values[3] = Number.NaN
    await expect(submitModel(withParameters(model, [], values))).rejects.toEqual(
      refused('bad_model', /parameter 3 is NaN/),
    )
  })

  test('with an operator that has no gradient is refused by name', async () => {
    const model = decodeModel(MODEL)
    const nodes = model.graph.nodes.map((node) => (node.opType === 'Relu' ? { ...node, opType: 'Hardmax' } : node))
    const changed = encodeModel({ ...model, graph: { ...model.graph, nodes } })
    await expect(submitModel(changed)).rejects.toEqual(refused('bad_model', /no gradient for Op Hardmax/))
  })

  test('that is no model at all is refused', async () => {
    await expect(submitModel(new Uint8Array(500).fill(0xff))).rejects.toMatchObject({ code: 'model_malformed' })
  })

  test('with another parameter count or graph than the plan says is refused, both at once', async () => {
    const plan = makePlan({ model: { parameterCount: 7, graphSha256: '00'.repeat(32) } })
    await expect(lab.submit(planDocumentOf(plan), MODEL)).rejects.toEqual(
      refused('bad_model', /parameterCount[\s\S]*graphSha256/),
    )
  })
})

test('a submission without a header, or of another protocol, is refused', async () => {
  const document = planDocumentOf(makePlan())
  expect(await submitParts([{ part: { $case: 'model', value: MODEL } }])).toMatchObject({ code: 'malformed' })
  const header = (wireLabel: string): SubmitPart => ({
    part: { $case: 'header', value: { wireLabel, plan: document, planSignature: wireSignature(document) } },
  })
  expect(await submitParts([header('blindsum/v2')])).toEqual(refused('wire_label_mismatch', /upgrade the coordinator/))
  expect(await submitParts([header(WIRE_LABEL), header(WIRE_LABEL)])).toMatchObject({ code: 'malformed' })
})

test('a name is taken once, and a run that waits says for whom', async () => {
  await lab.submit(planDocumentOf(makePlan({ name: 'waiting' })), MODEL)
  await expect(lab.submit(planDocumentOf(makePlan({ name: 'waiting' })), MODEL)).rejects.toMatchObject({
    code: 'run_name_taken',
  })
  await expect
    .poll(async () => (await lab.operator.show('waiting')).present)
    .toMatch(/^round 1: waiting for participants: 0 connected, 3 needed; not connected: spiffe:/)
  expect((await lab.operator.list()).map(({ name }) => name)).toEqual(['waiting'])
  expect(await lab.operator.cancel('waiting')).toMatchObject({ state: 'cancelled', present: '' })
})

test('an unknown run or version is said so', async () => {
  await expect(lab.operator.show('nobody')).rejects.toMatchObject({ code: 'run_unknown' })
  await expect(lab.operator.watch('nobody', 0).next()).rejects.toMatchObject({ code: 'run_unknown' })
  await expect(lab.operator.exportVersion('waiting', '9').next()).rejects.toMatchObject({ code: 'version_unknown' })
})

test('whoever is not in the allow list is refused at every call', async () => {
  const stranger = connectOperator(domain, coordinator.operatorsAddress, STRANGER_ID)
  await expect(stranger.operator.list()).rejects.toEqual(refused('not_permitted', /operator\/eve/))
  await expect(stranger.operator.cancel('waiting')).rejects.toMatchObject({ code: 'not_permitted' })
  await expect(stranger.submit(planDocumentOf(makePlan()), MODEL)).rejects.toMatchObject({
    code: 'not_permitted',
  })
  stranger.close()
})

describe('a plan’s signature', () => {
  const document = planDocumentOf(makePlan({ name: 'signed' }))
  const DAY_MS = 86_400_000

  test('has to be there', async () => {
    const header: SubmitPart = {
      part: { $case: 'header', value: { wireLabel: WIRE_LABEL, plan: document, planSignature: undefined } },
    }
    expect(await submitParts([header])).toMatchObject({ code: 'plan_unsigned' })
  })

  test('is the one of these bytes', async () => {
    const other = signedAs(domain, OPERATOR_ID, planDocumentOf(makePlan({ name: 'other' })))
    await expect(lab.submit(document, MODEL, other)).rejects.toMatchObject({ code: 'plan_signature_wrong' })
  })

  test('is by whom it says', async () => {
    const signature = { ...signedAs(domain, OPERATOR_ID, document), authorId: STRANGER_ID }
    await expect(lab.submit(document, MODEL, signature)).rejects.toMatchObject({ code: 'plan_author_mismatch' })
  })

  test('is made with a certificate of this trust domain, valid then', async () => {
    const foreign = await makeTrustDomain([])
    const signature = signedAs(foreign, OPERATOR_ID, document)
    await foreign.remove()
    await expect(lab.submit(document, MODEL, signature)).rejects.toMatchObject({ code: 'plan_certificate_foreign' })
    const early = { ...signedAs(domain, OPERATOR_ID, document), signedAtMs: Date.now() - DAY_MS }
    await expect(lab.submit(document, MODEL, early)).rejects.toMatchObject({ code: 'plan_certificate_expired' })
  })

  test('is neither old nor of the future', async () => {
    const at = (signedAtMs: number) =>
      lab.submit(document, MODEL, { ...signedAs(domain, OPERATOR_ID, document), signedAtMs })
    await expect(at(Date.now() - 91 * DAY_MS)).rejects.toMatchObject({ code: 'plan_signature_too_old' })
    await expect(at(Date.now() + DAY_MS)).rejects.toMatchObject({ code: 'plan_signed_in_future' })
  })

  test('with more certificates than a chain has is no message of this protocol', async () => {
    const signature = signedAs(domain, OPERATOR_ID, document)
    const certificateChain = Array.from({ length: 9 }, () => signature.certificateChain[0]!)
    await expect(lab.submit(document, MODEL, { ...signature, certificateChain })).rejects.toMatchObject({
      code: 'malformed',
    })
  })

  test('leaves nothing behind when it is refused', async () => {
    expect((await lab.operator.list()).map(({ name }) => name)).not.toContain('signed')
  })
})

const wireSignature = (document: Uint8Array) => planSignatureToWire(signedAs(domain, OPERATOR_ID, document))

/** What a plan says about a model that may be none. */
function partly(model: Uint8Array) {
  try {
    return describeModel(model)
  } catch {
    return { sha256: sha256Hex(model), bytes: model.length }
  }
}

function submitParts(parts: readonly SubmitPart[]): Promise<{ code: string; message: string }> {
  return new Promise((resolve) => {
    const call = lab.client.submitRun((error) => resolve(refusalFromError(error)))
    for (const part of parts) call.write(part)
    call.end()
  })
}
