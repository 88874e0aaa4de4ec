/**
 * Signed plans as files: what `plan sign` writes, and what every command that takes a plan can read in place of the YAML. The
 * file holds the plan document as readable JSON, the author's signature, and the name of the model that goes with it.
 */
import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../shared/authority/atomic-file.ts'
import { ConfigError } from '../shared/errors.ts'
import { identityKeyRefusal } from '../shared/identity/identity-signature.ts'
import { canonicalJson } from '../shared/plan/plan-document.ts'
import { type PlanSignature, signPlan } from '../shared/plan/plan-signature.ts'
import { planSignatureForm, planSignatureFromForm, planSignatureToForm } from '../shared/plan/plan-signature-form.ts'
import { configProblems } from '../shared/runtime/config-problems.ts'
import { type IdentityFiles, loadIdentity } from '../shared/transport/load-identity.ts'
import { type LoadedPlan, loadPlanDocument, loadPlanFile } from './plan-file.ts'

const FORMAT = 'blindsum/signed-plan/v1'

const signedPlanFile = z.strictObject({
  format: z.literal(FORMAT),
  /** The plan document. Its signature is over the canonical bytes, so white space does not matter here. */
  plan: z.looseObject({}),
  /** The initial model, from this file's folder. Not signed: the plan names its SHA-256. */
  model: z.string().min(1),
  signature: planSignatureForm,
})

/** A plan with its model; `signature` is null when it came as YAML. Nobody has verified it yet. */
export interface PlanAtHand extends LoadedPlan {
  readonly signature: PlanSignature | null
}

/**
 * Reads a plan, as YAML or signed, and its model. `modelFile` takes the place of the one a signed plan names.
 * @throws ConfigError as `loadPlanFile` and `loadPlanDocument`; `bad_signed_plan` with every problem.
 */
export function loadPlan(path: string, modelFile?: string): PlanAtHand {
  const signed = readSigned(path)
  if (signed === null) return { ...loadPlanFile(path), signature: null }
  const { plan, model, signature } = signed
  const document = new TextEncoder().encode(canonicalJson(plan))
  const loaded = loadPlanDocument(document, modelFile ?? resolve(dirname(path), model))
  return { ...loaded, signature: planSignatureFromForm(signature) }
}

/** Signs with an identity's key, now. @throws ConfigError for an identity that cannot sign. */
export function signAs(identityFiles: IdentityFiles, digest: Uint8Array): PlanSignature {
  const nowMs = Date.now()
  const identity = loadIdentity(identityFiles, nowMs)
  const refusal = identityKeyRefusal(identity.privateKey)
  if (refusal !== null) throw new ConfigError(refusal.code, refusal.message)
  return signPlan(digest, identity, nowMs)
}

/** Writes a signed plan. The model stays where it is. */
export function writeSignedPlan(path: string, { plan, modelFile }: LoadedPlan, signature: PlanSignature): void {
  const model = relative(dirname(resolve(path)), resolve(modelFile))
  const content = { format: FORMAT, plan, model, signature: planSignatureToForm(signature) }
  try {
    replaceFile(path, `${JSON.stringify(content, null, 2)}\n`, 0o644)
  } catch (cause) {
    throw new ConfigError('file_unwritable', `cannot write ${path}: ${(cause as Error).message}`, { cause })
  }
}

/** The file's content, or null when it does not say that it is a signed plan. */
function readSigned(path: string): z.infer<typeof signedPlanFile> | null {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // Not there, or no JSON: the reader of plan.yaml says what is wrong.
    return null
  }
  const says = typeof json === 'object' && json !== null && 'format' in json ? json.format : null
  if (says !== FORMAT) return null
  const parsed = signedPlanFile.safeParse(json)
  if (!parsed.success) throw new ConfigError('bad_signed_plan', configProblems(parsed.error, path))
  return parsed.data
}
