/**
 * From what an author writes (plan.yaml and a forward ONNX model beside it) to what is submitted: the plan document, its
 * digest and the model's bytes. Everything that a coordinator or a site would refuse is refused here first, in words.
 */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { ConfigError } from '../shared/errors.ts'
import { DEFAULT_MODEL_LIMITS, refuseModel } from '../shared/onnx/allow-list.ts'
import { decodeModel } from '../shared/onnx/decode.ts'
import { buildEvaluation, buildTrainStep } from '../shared/onnx/gradient/train-step.ts'
import type { Model } from '../shared/onnx/model.ts'
import { extractParameters, graphDigest } from '../shared/onnx/parameters.ts'
import { featureShape } from '../shared/plan/data-spec.ts'
import { type Plan, type PlanFile, planFile } from '../shared/plan/plan.ts'
import { encodePlan, parsePlan, planDigest } from '../shared/plan/plan-document.ts'
import { readConfigFile } from '../shared/runtime/config-file.ts'

/** A plan ready to be submitted. `document` is canonical JSON, `digest` its SHA-256, `modelBytes` the initial model. */
export interface LoadedPlan {
  readonly plan: Plan
  readonly document: Uint8Array
  readonly digest: Uint8Array
  readonly model: Model
  readonly modelBytes: Uint8Array
  readonly modelFile: string
}

const MAX_MODEL_FILE_BYTES = DEFAULT_MODEL_LIMITS.maxInitializerBytes + 16 * 1024 * 1024

/**
 * Reads plan and model.
 * @throws ConfigError `config_unreadable`, `bad_config`, `model_unreadable`, `model_refused`, `bad_plan` or `model_not_trainable`, with every
 * problem of that step at once.
 */
export function loadPlanFile(path: string): LoadedPlan {
  const { value: written, resolvePath } = readConfigFile(path, planFile, 'plan')
  const modelFile = resolvePath(written.model.file)
  const modelBytes = readModelFile(modelFile)
  const model = trainableModel(modelFile, modelBytes, written)
  const plan = documentOf(written, model, modelBytes)
  const document = encodePlan(plan)
  return { plan: parsePlan(document), document, digest: planDigest(document), model, modelBytes, modelFile }
}

/**
 * The same for a plan document that is there already, with the model it names.
 * @throws ConfigError `bad_plan`, `model_unreadable`, `model_mismatch`, `model_refused`, `model_not_trainable`.
 */
export function loadPlanDocument(document: Uint8Array, modelFile: string): LoadedPlan {
  const plan = parsePlan(document)
  const modelBytes = readModelFile(modelFile)
  const found = createHash('sha256').update(modelBytes).digest('hex')
  if (found !== plan.model.sha256) {
    const problem = `its SHA-256 is ${found}, the plan names ${plan.model.sha256}: this is not the author’s model`
    throw inModelFile(modelFile, 'model_mismatch', [problem])
  }
  const model = trainableModel(modelFile, modelBytes, plan)
  return { plan, document, digest: planDigest(document), model, modelBytes, modelFile }
}

/** What of a plan, as written or as a document, decides whether a model can be trained. */
type ModelUse = Pick<Plan, 'training' | 'data'> & { readonly model: { readonly frozen: readonly string[] } }

function trainableModel(modelFile: string, modelBytes: Uint8Array, use: ModelUse): Model {
  const model = decoded(modelFile, modelBytes)
  const problems = refuseModel(model)
  if (problems.length > 0) throw inModelFile(modelFile, 'model_refused', problems)
  checkTrainable(model, use, modelFile)
  return model
}

function decoded(file: string, bytes: Uint8Array): Model {
  try {
    return decodeModel(bytes)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw inModelFile(
      file,
      error.code,
      error.problems.map((problem) => `${problem}; see docs/models.md`),
    )
  }
}

function documentOf(written: PlanFile, model: Model, modelBytes: Uint8Array): Plan {
  const { frozen } = written.model
  return {
    ...written,
    format: 'blindsum/plan/v1',
    model: {
      sha256: createHash('sha256').update(modelBytes).digest('hex'),
      graphSha256: Buffer.from(graphDigest(model, frozen)).toString('hex'),
      bytes: modelBytes.length,
      parameterCount: extractParameters(model, frozen).values.length,
      frozen,
    },
  }
}

/** Derives the training and evaluation graphs as every site will, and compares the model's input with the data. */
function checkTrainable(model: Model, { training, model: { frozen }, data }: ModelUse, modelFile: string): void {
  const { loss, momentum, weightDecay } = training
  try {
    buildTrainStep(model, { loss, frozen, momentum, weightDecay })
    buildEvaluation(model, { loss, frozen })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw inModelFile(modelFile, error.code, error.problems)
  }
  const initialized = new Set(model.graph.initializers.map(({ name }) => name))
  const input = model.graph.inputs.find(({ name }) => !initialized.has(name))
  const expected = input?.type?.shape?.slice(1) ?? []
  const found = featureShape(data)
  const fits =
    expected.length === found.length &&
    expected.every((dimension, axis) => typeof dimension !== 'number' || dimension === found[axis])
  if (!fits) {
    const shapes = `the model takes [${expected.join(', ')}] per example, the plan's data section gives [${found.join(', ')}]`
    throw inModelFile(modelFile, 'model_not_trainable', [`${shapes}; make them agree`])
  }
}

function readModelFile(file: string): Uint8Array {
  let bytes: number
  try {
    bytes = statSync(file).size
    if (bytes <= MAX_MODEL_FILE_BYTES) return new Uint8Array(readFileSync(file))
  } catch (cause) {
    const problem = `cannot read the model ${file} named by model.file: ${(cause as Error).message}`
    throw new ConfigError('model_unreadable', problem, { cause })
  }
  throw inModelFile(file, 'model_refused', [`it has ${bytes} bytes, at most ${MAX_MODEL_FILE_BYTES} are allowed`])
}

function inModelFile(file: string, code: string, problems: readonly string[]): ConfigError {
  return new ConfigError(
    code,
    problems.map((problem) => `${file}: ${problem}`),
  )
}
