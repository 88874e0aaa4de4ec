/**
 * What the training child does with a job: check the model, probe one step, evaluate the model as it came, train, and
 * hand back parameters and sums. Failures are outcomes, thrown inside as {@link Failure} and caught at the door.
 */
import { ConfigError } from '../../shared/errors.ts'
import { refuseModel } from '../../shared/onnx/allow-list.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { buildEvaluation, buildTrainStep } from '../../shared/onnx/gradient/train-step.ts'
import type { Model } from '../../shared/onnx/model.ts'
import { extractParameters } from '../../shared/onnx/parameters.ts'
import type { Dataset } from '../data/dataset.ts'
import { orderedBatches, shuffledBatches } from './batches.ts'
import { CheckpointWriter, readCheckpoint } from './checkpoint.ts'
import type { ChildJob, ChildOutcome } from './child-messages.ts'
import { batchFeeds, openSession, runSession, scalarOf } from './runtime-session.ts'
import { Stepper } from './stepper.ts'
import type { CheckpointNote, EvaluationMetrics, TrainingFailureCode, TrainingProgress } from './task.ts'

/** A failure on its way out of the child. */
class Failure extends Error {
  readonly code: TrainingFailureCode

  constructor(code: TrainingFailureCode, message: string) {
    super(message)
    this.code = code
  }
}

/** What the child says on the way. */
export type Reports = {
  readonly progress: (progress: TrainingProgress) => void
  readonly checkpoint: (note: CheckpointNote) => void
}

/** Does one job. Never throws for what a model or data set can cause. */
export async function doJob(job: ChildJob, reports: Reports): Promise<ChildOutcome> {
  try {
    const model = checkedModel(job)
    checkData(job, model)
    if (job.kind === 'evaluate') return { ok: true, metrics: await evaluate(model, job) }
    return job.kind === 'probe' ? await probe(model, job) : await train(model, job, reports)
  } catch (cause) {
    if (cause instanceof Failure) return { ok: false, code: cause.code, message: cause.message }
    if (cause instanceof ConfigError) return { ok: false, code: 'model_refused', message: cause.message }
    // Whatever else is thrown comes from the runtime, which refuses a graph with a plain Error.
    return { ok: false, code: 'step_failed', message: cause instanceof Error ? cause.message : String(cause) }
  }
}

function checkedModel({ model: bytes }: ChildJob): Model {
  const model = decodeModel(bytes)
  const problems = refuseModel(model)
  if (problems.length > 0) throw new Failure('model_refused', problems.join('\n'))
  return model
}

function checkData({ data, task }: ChildJob, { graph }: Model): void {
  const wantsNumbers = task.loss === 'mean-squared-error'
  if (data.labels instanceof Float32Array !== wantsNumbers) {
    const found = wantsNumbers ? 'class labels' : 'numbers as labels'
    throw new Failure('data_mismatch', `loss ${task.loss} does not go with ${found}`)
  }
  const initialized = new Set(graph.initializers.map(({ name }) => name))
  const expected = graph.inputs.find(({ name }) => !initialized.has(name))?.type?.shape?.slice(1)
  const found = data.featureShape
  const fits = expected?.length === found.length && expected.every((d, i) => typeof d !== 'number' || d === found[i])
  if (expected && !fits) {
    const message = `the model takes examples of shape [${expected.join(', ')}], the data has [${found.join(', ')}]`
    throw new Failure('data_mismatch', message)
  }
  if (data.trainIndices.length === 0) throw new Failure('data_mismatch', 'the data set has no example to train on')
}

async function evaluate(model: Model, { data, task, threads }: ChildJob): Promise<EvaluationMetrics> {
  const session = await openSession(buildEvaluation(model, task), threads)
  let [evalLossSum, evalCorrect] = [0, 0]
  // Larger than a training batch would only cost memory; smaller than 64 would cost time.
  const size = Math.max(1, Math.min(Math.max(task.batchSize, 64), data.evalIndices.length))
  let checked = false
  for (const batch of orderedBatches(data, data.evalIndices, size)) {
    const outputs = await runSession(session, batchFeeds(batch, data.featureShape))
    if (!checked) checkWidth(scalarOf(outputs, 'width'), task.loss, data)
    checked = true
    evalLossSum += scalarOf(outputs, 'loss_sum')
    evalCorrect += scalarOf(outputs, 'correct')
  }
  await session.release()
  if (!Number.isFinite(evalLossSum)) {
    throw new Failure('non_finite_loss', `the loss on ${data.evalIndices.length} held-out examples is ${evalLossSum}`)
  }
  return { evalExamples: data.evalIndices.length, evalLossSum, evalCorrect: Math.round(evalCorrect) }
}

/** The runtime would take a label beyond the model's classes for no class at all, without a word. */
function checkWidth(width: number, loss: string, { labels }: Dataset): void {
  if (labels instanceof Float32Array) return
  const classes = loss === 'binary-cross-entropy' ? 2 : width
  let largest = 0
  for (const label of labels) largest = Math.max(largest, Number(label))
  if (largest < classes) return
  throw new Failure('data_mismatch', `the data has class ${largest}, the model knows classes 0 to ${classes - 1} only`)
}

async function openStepper(model: Model, job: ChildJob): Promise<Stepper> {
  const { task } = job
  const options = { ...task, weightDecay: task.weightDecay ?? 0 }
  const session = await openSession(buildTrainStep(model, options), job.threads)
  const batches = batchesOf(job)
  return new Stepper({ session, batches, parameters: extractParameters(model, task.frozen), job })
}

function batchesOf(job: Pick<ChildJob, 'task' | 'data' | 'seed'>, skip = 0) {
  const { data, seed } = job
  return shuffledBatches(data, data.trainIndices, { size: stepSize(job), seed, skip })
}

function stepSize({ task, data }: Pick<ChildJob, 'task' | 'data'>): number {
  return Math.min(task.batchSize, data.trainIndices.length)
}

async function probeStep(model: Model, job: ChildJob): Promise<void> {
  // The evaluation of a single example tells the width of the output, whatever was held out.
  const one = { ...job, data: { ...job.data, evalIndices: job.data.trainIndices.slice(0, 1) } }
  await evaluate(model, one)
  const stepper = await openStepper(model, job)
  await stepOrFail(stepper)
  checkWeights(stepper)
  await stepper.release()
}

async function probe(model: Model, job: ChildJob): Promise<ChildOutcome> {
  await probeStep(model, job)
  const stepper = await openStepper(model, job)
  await stepOrFail(stepper)
  const steps = 10
  const start = performance.now()
  for (let step = 0; step < steps; step++) await stepOrFail(stepper)
  const msPerStep = (performance.now() - start) / steps
  await stepper.release()
  return { ok: true, msPerStep }
}

async function train(model: Model, job: ChildJob, reports: Reports): Promise<ChildOutcome> {
  const examples = job.data.trainIndices.length
  const perEpoch = Math.ceil(examples / stepSize(job))
  const stepsTotal = job.task.localSteps ?? (job.task.localEpochs ?? 1) * perEpoch
  const stepper = await openStepper(model, job)
  const place = job.checkpoint
  const expected = { carriedLength: stepper.carriedLength, stepsTotal }
  const kept = place === null ? null : await readCheckpoint(place, expected, reports.checkpoint)
  if (kept === null) await probeStep(model, job)
  else stepper.resume({ ...kept, batches: batchesOf({ ...job, seed: kept.seed }, kept.stepsDone) })
  const evaluation = kept?.evaluation ?? (await evaluate(model, job))
  const writer = place === null ? null : new CheckpointWriter(place, reports.checkpoint)
  const seed = kept?.seed ?? job.seed
  let [lossSum, seen] = [kept?.lossSum ?? 0, kept?.seen ?? 0]
  while (stepper.stepsDone < stepsTotal) {
    const { loss, filled } = await stepOrFail(stepper)
    lossSum += loss
    seen += filled
    const { stepsDone } = stepper
    if (stepsDone % 20 === 0) reports.progress({ stepsDone, stepsTotal })
    await writer?.offer(() => ({ seed, stepsDone, lossSum, seen, evaluation, carried: stepper.carried() }))
  }
  checkWeights(stepper)
  const parameters = stepper.parameters()
  await stepper.release()
  reports.progress({ stepsDone: stepsTotal, stepsTotal })
  const trainLossSum = seen === 0 ? 0 : (lossSum / seen) * examples
  return { ok: true, parameters, metrics: { examples, trainLossSum, ...evaluation } }
}

async function stepOrFail(stepper: Stepper): Promise<{ loss: number; filled: number }> {
  const step = await stepper.step()
  if (Number.isFinite(step.loss)) return step
  const hint = 'lower the learning rate or check the data and its standardisation'
  throw new Failure('non_finite_loss', `the training loss became ${step.loss} at step ${stepper.stepsDone}; ${hint}`)
}

function checkWeights(stepper: Stepper): void {
  const place = stepper.parameters().findIndex((value) => !Number.isFinite(value))
  if (place < 0) return
  const hint = 'lower the learning rate or check the data and its standardisation'
  throw new Failure('non_finite_weights', `weight ${place} is not finite after ${stepper.stepsDone} steps; ${hint}`)
}
