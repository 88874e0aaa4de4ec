/**
 * Signed plans as files: what `plan sign` writes, and what every command that takes a plan can read in place of the YAML. The
 * file holds the plan document as readable JSON, the author's signature, and the name of the model that goes with it.
 */
import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../shared/authority/atomic-file.ts'
import { ConfigError } from '../shared/errors.ts'
import { fieldWords } from '../shared/field-words.ts'
import { identityKeyRefusal } from '../shared/identity/identity-signature.ts'
import { parseStrictJson } from '../shared/identity/strict-json.ts'
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

/** The file's content, or null when it is not meant as a signed plan. */
function readSigned(path: string): z.infer<typeof signedPlanFile> | null {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    // Not there: the reader of plan.yaml says so.
    return null
  }
  if (!isMeantAsSigned(path, text)) return null
  const problem = formProblem(text)
  if (problem !== null) throw new ConfigError('bad_signed_plan', `${path}: ${problem}`)
  const parsed = signedPlanFile.safeParse(JSON.parse(text), { error: fieldWords })
  if (!parsed.success) throw new ConfigError('bad_signed_plan', configProblems(parsed.error, path))
  return parsed.data
}

/** A plan.yaml is never JSON: a signed plan of which something is missing must not be read as one. */
function isMeantAsSigned(path: string, text: string): boolean {
  return path.endsWith('.signed.json') || /^\ufeff?\s*\{/.test(text) || /^["']?signature["']?\s*:/m.test(text)
}

/** Why the text is no signed plan that this program reads, before its fields are looked at, or null. */
function formProblem(text: string): string | null {
  if (text.startsWith('\ufeff')) return 'begins with a byte order mark: save it as UTF-8 without one'
  if (isCutOff(text)) return 'is cut off: get it again from its author'
  const json = parseStrictJson(text)
  if (!json.ok) return `is not a signed plan: ${json.message}`
  const says =
    typeof json.value === 'object' && json.value !== null && 'format' in json.value ? json.value.format : null
  if (says === FORMAT) return null
  const found = typeof says === 'string' ? `is ${JSON.stringify(says.slice(0, 64))}` : 'is missing'
  return `its format ${found}, this program reads ${FORMAT}; a plan that is not signed is YAML`
}

/** True if brackets are open at the end, outside of strings. */
function isCutOff(text: string): boolean {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '')
  return bare.trim() === '' || (bare.match(/[{[]/g)?.length ?? 0) > (bare.match(/[}\]]/g)?.length ?? 0)
}
