/**
 * The participant's door to local training: train, evaluate, probe. Each call is one child process; nothing here throws
 * for what a model, a data set or the child can do.
 */
import type { Dataset } from '../data/dataset.ts'
import type { ChildJob, ChildOutcome } from './child-messages.ts'
import { runChild } from './run-child.ts'
import {
  type CheckpointNote,
  type CheckpointPlace,
  DEFAULT_TRAINING_LIMITS,
  type EvaluationResult,
  type ProbeResult,
  type TrainingFailure,
  type TrainingLimits,
  type TrainingProgress,
  type TrainingResult,
  type TrainingTask,
} from './task.ts'

export type TrainingRequest = {
  /** A forward ONNX model as bytes. */
  readonly model: Uint8Array
  readonly task: TrainingTask
  readonly data: Dataset
  readonly limits?: TrainingLimits
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: TrainingProgress) => void
  /** Receives each line the child writes. */
  readonly onLog?: (line: string) => void
}

export type TrainOnRequest = TrainingRequest & {
  /** Of a training that begins; one that is resumed goes on with its own. */
  readonly seed: number
  readonly checkpoint?: CheckpointPlace
  readonly onCheckpoint?: (note: CheckpointNote) => void
}

/**
 * Evaluates the model as it came on the held-out examples, then trains it on the others. Equal requests with equal seeds
 * give equal parameters on one machine, resumed from a checkpoint or not.
 */
export function trainLocally(request: TrainOnRequest): Promise<TrainingResult | TrainingFailure> {
  const { seed, checkpoint = null, onCheckpoint } = request
  // Safety: the child answers a job of a kind with that kind's result or a failure (child-work.ts).
  return runJob(request, { kind: 'train', seed, checkpoint }, onCheckpoint) as Promise<TrainingResult | TrainingFailure>
}

/** Evaluates a model on the held-out examples of `data`. */
export function evaluateModel(request: TrainingRequest): Promise<EvaluationResult | TrainingFailure> {
  return runJob(request, { kind: 'evaluate', ...NOT_TRAINED }) as Promise<EvaluationResult | TrainingFailure>
}

/** Takes a few training steps, keeping nothing: shows that model, task, data and machine go together, and how fast. */
export function probeModel(request: TrainingRequest): Promise<ProbeResult | TrainingFailure> {
  return runJob(request, { kind: 'probe', ...NOT_TRAINED }) as Promise<ProbeResult | TrainingFailure>
}

const NOT_TRAINED = { seed: 0, checkpoint: null } as const

function runJob(
  request: TrainingRequest,
  purpose: Pick<ChildJob, 'kind' | 'seed' | 'checkpoint'>,
  onCheckpoint?: (note: CheckpointNote) => void,
): Promise<ChildOutcome> {
  const limits = request.limits ?? DEFAULT_TRAINING_LIMITS
  const { model, task, data, signal, onProgress, onLog } = request
  return runChild({
    job: { ...purpose, model, task, data, threads: limits.threads },
    limits,
    signal,
    onProgress,
    onCheckpoint,
    onLog,
  })
}
