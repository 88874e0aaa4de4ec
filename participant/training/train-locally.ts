/**
 * The participant's door to local training: train, evaluate, probe. Each call is one child process; nothing here throws
 * for what a model, a data set or the child can do.
 */
import type { Dataset } from '../data/dataset.ts'
import type { ChildJob, ChildOutcome } from './child-messages.ts'
import { runChild } from './run-child.ts'
import {
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

/**
 * Evaluates the model as it came on the held-out examples, then trains it on the others. Equal requests with equal seeds
 * give equal parameters on one machine.
 */
export function trainLocally(
  request: TrainingRequest & { readonly seed: number },
): Promise<TrainingResult | TrainingFailure> {
  // Safety: the child answers a job of a kind with that kind's result or a failure (child-work.ts).
  return runJob(request, 'train', request.seed) as Promise<TrainingResult | TrainingFailure>
}

/** Evaluates a model on the held-out examples of `data`. */
export function evaluateModel(request: TrainingRequest): Promise<EvaluationResult | TrainingFailure> {
  return runJob(request, 'evaluate', 0) as Promise<EvaluationResult | TrainingFailure>
}

/** Takes a few training steps, keeping nothing: shows that model, task, data and machine go together, and how fast. */
export function probeModel(request: TrainingRequest): Promise<ProbeResult | TrainingFailure> {
  return runJob(request, 'probe', 0) as Promise<ProbeResult | TrainingFailure>
}

function runJob(request: TrainingRequest, kind: ChildJob['kind'], seed: number): Promise<ChildOutcome> {
  const limits = request.limits ?? DEFAULT_TRAINING_LIMITS
  const { model, task, data, signal, onProgress, onLog } = request
  return runChild({
    job: { kind, model, task, data, seed, threads: limits.threads },
    limits,
    signal,
    onProgress,
    onLog,
  })
}
