/**
 * The port through which an agent gets its update: a plan and a global model in, an update with its counts and metrics out.
 * The real one loads the site's data and trains in a child process; tests put fixed vectors in its place. Nothing that comes
 * out of here leaves the site but inside a masked vector.
 */
import { statSync } from 'node:fs'
import { ConfigError, invariant } from '../shared/errors.ts'
import { decodeModel } from '../shared/onnx/decode.ts'
import { extractParameters } from '../shared/onnx/parameters.ts'
import { dataSetName } from '../shared/plan/data-spec.ts'
import type { Plan } from '../shared/plan/plan.ts'
import { canonicalJson } from '../shared/plan/plan-document.ts'
import type { Rng } from '../shared/random.ts'
import type { Log } from '../shared/runtime/log.ts'
import type { DataSets, ParticipantConfig } from './config.ts'
import type { Dataset } from './data/dataset.ts'
import { type DataConfig, loadDataset } from './data/load-dataset.ts'
import type { EvaluationMetrics, TrainingFailure, TrainingLimits, TrainingProgress } from './training/task.ts'
import { evaluateModel, trainLocally } from './training/train-locally.ts'

const PROGRESS_MS = 10_000

/** What a site contributes to one session. */
export interface TrainedUpdate {
  /** New minus global parameters, in the order of `extractParameters`; all zero when only evaluated. */
  readonly update: Float32Array
  /** Number of training examples: the weight. */
  readonly examples: number
  /** The other scalars of the plan, by name: sums, not means. */
  readonly scalars: EvaluationMetrics & { readonly trainLossSum: number }
}

export interface TrainerJob {
  readonly plan: Plan
  /** The global model: bytes whose digest and graph were checked. */
  readonly model: Uint8Array
  readonly round: number
  /** Only judge the model: the update is zero. */
  readonly evaluateOnly: boolean
  /** Names the run, round, plan and model: what is kept of a training serves this only. */
  readonly purpose: string
  readonly signal: AbortSignal
}

export interface Trainer {
  /** Returns a failure, or throws ConfigError, for what is wrong with data, model or machine. */
  train(job: TrainerJob): Promise<({ readonly ok: true } & TrainedUpdate) | TrainingFailure>
  /** Names the data and settings that a training under this plan would use now; one word where they do not change. */
  basis?(plan: Plan): string
  /** Erases what is kept of trainings so far; never rejects. */
  forget?(): Promise<void>
}

/** Trains on the data that the configuration names, within its limits. */
export function localTrainer(request: {
  readonly config: Pick<ParticipantConfig, 'data' | 'training'>
  readonly rng: Rng
  readonly log: Log
}): Trainer {
  const { config, rng, log } = request
  const limits = trainingLimits(config.training)
  const dataOf = rememberedDataset(config.data)
  return {
    train: async ({ plan, model, evaluateOnly, signal }) => {
      const data = await dataOf(plan.data)
      log.debug({ examples: data.trainIndices.length, heldOut: data.evalIndices.length }, 'data loaded')
      const task = { ...plan.training, frozen: plan.model.frozen }
      const onLog = (line: string) => log.debug({ line }, 'training process')
      const onProgress = progressLines(log)
      const before = extractParameters(decodeModel(model), plan.model.frozen).values
      if (evaluateOnly) {
        const result = await evaluateModel({ model, task, data, limits, signal, onLog, onProgress })
        if (!result.ok) return result
        const scalars = { ...result.metrics, trainLossSum: 0 }
        return { ok: true, update: new Float32Array(before.length), examples: data.trainIndices.length, scalars }
      }
      const seed = Buffer.from(rng(4)).readUInt32LE()
      const result = await trainLocally({ model, task, data, limits, signal, onLog, onProgress, seed })
      if (!result.ok) return result
      const { examples, ...scalars } = result.metrics
      return { ok: true, update: difference(result.parameters, before), examples, scalars }
    },
  }
}

/** The configuration's limits in the units of training. */
export function trainingLimits(training: ParticipantConfig['training']): TrainingLimits {
  const { threads, memoryMiB, wallClockSeconds } = training
  return { threads, maxMemoryBytes: memoryMiB * 1024 * 1024, maxMs: wallClockSeconds * 1000 }
}

/** The data set that a plan uses. The policy has said before that it is there. */
export function dataSetFor(sets: DataSets, spec: Plan['data']): DataConfig {
  const name = dataSetName(spec)
  const config = Object.hasOwn(sets, name) ? sets[name] : undefined
  if (config === undefined) throw new ConfigError('data_set_unknown', `this site has no data set "${name}"`)
  return config
}

/** Loads a plan's data set once, and again when its files or the plan's description of it have changed. */
function rememberedDataset(sets: DataSets): (spec: Plan['data']) => Promise<Dataset> {
  let remembered: { readonly mark: string; readonly data: Dataset } | null = null
  return async (spec) => {
    const config = dataSetFor(sets, spec)
    const paths = config.format === 'csv' ? [config.path] : [config.features, config.labels]
    const files = paths.map((path) => {
      const found = statSync(path, { throwIfNoEntry: false, bigint: true })
      return found ? `${found.ino}:${found.size}:${found.mtimeNs}` : 'absent'
    })
    const mark = [canonicalJson(spec), ...files].join('\n')
    if (remembered?.mark !== mark) remembered = { mark, data: await loadDataset(config, spec) }
    return remembered.data
  }
}

/** A line every ten seconds, in percent: steps would tell how many examples there are. */
function progressLines(log: Log): (progress: TrainingProgress) => void {
  let saidAtMs = Date.now()
  return ({ stepsDone, stepsTotal }) => {
    if (Date.now() - saidAtMs < PROGRESS_MS) return
    saidAtMs = Date.now()
    log.info({ percent: Math.floor((100 * stepsDone) / stepsTotal) }, 'training')
  }
}

function difference(after: Float32Array, before: Float32Array): Float32Array {
  invariant(after.length === before.length, `training gave ${after.length} parameters for ${before.length}`)
  return after.map((value, place) => value - before[place]!)
}
