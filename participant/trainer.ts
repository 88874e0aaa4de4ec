/**
 * The port through which an agent gets its update: a plan and a global model in, an update with its counts and metrics out.
 * The real one loads the site's data and trains in a child process, kept on the disk from time to time; tests put fixed
 * vectors in its place. Nothing that comes out of here leaves the site but inside a masked vector.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../shared/crypto/digest.ts'
import { ConfigError, invariant, unreachable } from '../shared/errors.ts'
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
import { eraseFile, eraseOlder, erasePartial } from './durable-file.ts'
import type { Journal } from './journal.ts'
import type {
  CheckpointNote,
  EvaluationMetrics,
  TrainingFailure,
  TrainingFailureCode,
  TrainingLimits,
  TrainingProgress,
} from './training/task.ts'
import { throughCrashes } from './training/through-crashes.ts'
import { evaluateModel, trainLocally } from './training/train-locally.ts'

const PROGRESS_MS = 10_000
/** After these the next attempt goes on from the checkpoint. */
const GOES_ON: ReadonlySet<TrainingFailureCode> = new Set(['aborted', 'time_limit_exceeded'])
export const CHECKPOINT_FILE = 'training.checkpoint'

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
  /** Erases what is kept of trainings; with a time (Unix milliseconds) only what was kept before it. Never rejects. */
  forget?(beforeMs?: number): Promise<void>
}

/** Trains on the data that the configuration names, within its limits, and through crashes of the training process. */
export function localTrainer(request: {
  readonly config: Pick<ParticipantConfig, 'data' | 'dataFolder' | 'training'>
  readonly journal: Pick<Journal, 'mark'>
  readonly rng: Rng
  readonly log: Log
}): Trainer {
  const { config, journal, rng, log } = request
  const limits = trainingLimits(config.training)
  const dataOf = rememberedDataset(config.data)
  const path = join(config.dataFolder, CHECKPOINT_FILE)
  const everyMs = config.training.checkpointSeconds * 1000
  const basis = ({ data }: Plan) => sha256Hex(Buffer.from(dataMark(config.data, data)))
  return {
    basis,
    forget: (beforeMs) => forgetCheckpoint(path, log, beforeMs),
    train: async ({ plan, model, evaluateOnly, purpose, signal }) => {
      const data = await dataOf(plan.data)
      log.debug({ examples: data.trainIndices.length, heldOut: data.evalIndices.length }, 'data loaded')
      const task = { ...plan.training, frozen: plan.model.frozen }
      const onLog = (line: string) => log.debug({ line }, 'training process')
      const job = { model, task, data, onLog, onProgress: progressLines(log) }
      const before = extractParameters(decodeModel(model), plan.model.frozen).values
      const onCrash = ({ message }: TrainingFailure) => {
        log.warn({ code: 'child_crashed' }, `${message}; it is started again where its last checkpoint stands`)
      }
      const guarded = { limits, signal, onCheckpoint: checkpointLines(log), onCrash }
      if (evaluateOnly) {
        const result = await throughCrashes(guarded, (once) => evaluateModel({ ...job, ...once }))
        if (!result.ok) return result
        const scalars = { ...result.metrics, trainLossSum: 0 }
        return { ok: true, update: new Float32Array(before.length), examples: data.trainIndices.length, scalars }
      }
      const seed = Buffer.from(rng(4)).readUInt32LE()
      const checkpoint = { path, purpose: `${purpose} ${basis(plan)}`, journal: journal.mark(), everyMs }
      // Of an agent that was killed, then of a training process.
      await forgetPartial(path, log)
      const result = await throughCrashes(guarded, (once) => trainLocally({ ...job, ...once, seed, checkpoint }))
      await forgetPartial(path, log)
      if (!result.ok) {
        // What went wrong once on the way would go wrong again on the same way.
        if (!GOES_ON.has(result.code)) await forgetCheckpoint(path, log)
        return result
      }
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

/** One text for a plan's data as it is now: another one when its files, or how they are read and split, have changed. */
function dataMark(sets: DataSets, spec: Plan['data']): string {
  const config = dataSetFor(sets, spec)
  const paths = config.format === 'csv' ? [config.path] : [config.features, config.labels]
  const files = paths.map((path) => {
    const found = statSync(path, { throwIfNoEntry: false, bigint: true })
    return found ? `${found.ino}:${found.size}:${found.mtimeNs}` : 'absent'
  })
  return [canonicalJson(spec), canonicalJson(config), ...files].join('\n')
}

/** Loads a plan's data set once, and again when its files or the plan's description of it have changed. */
function rememberedDataset(sets: DataSets): (spec: Plan['data']) => Promise<Dataset> {
  let remembered: { readonly mark: string; readonly data: Dataset } | null = null
  return async (spec) => {
    const mark = dataMark(sets, spec)
    if (remembered?.mark !== mark) remembered = { mark, data: await loadDataset(dataSetFor(sets, spec), spec) }
    return remembered.data
  }
}

async function forgetPartial(path: string, log: Log): Promise<void> {
  await erasePartial(path).catch((error) => log.warn({ error, path }, 'a half written checkpoint could not be erased'))
}

async function forgetCheckpoint(path: string, log: Log, beforeMs?: number): Promise<void> {
  try {
    if (beforeMs !== undefined) {
      await eraseOlder(path, beforeMs)
      await erasePartial(path, beforeMs)
      return
    }
    await eraseFile(path)
    await erasePartial(path)
  } catch (error) {
    log.warn({ error, path }, 'a training checkpoint that is no longer wanted could not be erased')
  }
}

/** What a person has to know of checkpoints; that one was written is for debugging. */
function checkpointLines(log: Log): (note: CheckpointNote) => void {
  return (note) => {
    switch (note.kind) {
      case 'resumed':
        return log.info({ percent: percentOf(note) }, 'training resumed from its checkpoint')
      case 'written':
        return log.debug('training checkpoint written')
      case 'ignored':
        return log.warn(`the training checkpoint is not used, training begins anew: ${note.why}`)
      case 'failed': {
        const advice = 'training goes on, but a crash would cost all of it: make room, or look at the disk'
        return log.warn({ code: note.code }, `the training checkpoint could not be written; ${advice}`)
      }
      default:
        return unreachable(note)
    }
  }
}

/** A line every ten seconds, in percent: steps would tell how many examples there are. */
function progressLines(log: Log): (progress: TrainingProgress) => void {
  let saidAtMs = Date.now()
  return (progress) => {
    if (Date.now() - saidAtMs < PROGRESS_MS) return
    saidAtMs = Date.now()
    log.info({ percent: percentOf(progress) }, 'training')
  }
}

function percentOf({ stepsDone, stepsTotal }: TrainingProgress): number {
  return Math.floor((100 * stepsDone) / stepsTotal)
}

function difference(after: Float32Array, before: Float32Array): Float32Array {
  invariant(after.length === before.length, `training gave ${after.length} parameters for ${before.length}`)
  return after.map((value, place) => value - before[place]!)
}
