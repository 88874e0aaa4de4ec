/** The words of local training: what is to be done, within which limits, and how it can end. */
import type { Loss } from '../../shared/onnx/gradient/losses.ts'
import type { JournalMark } from '../journal-mark.ts'

/** What the plan asks a site to do with its data in one round. */
export type TrainingTask = {
  readonly loss: Loss
  /** Initializers that are not trained. */
  readonly frozen: readonly string[]
  /** Passes over the training examples. Exactly one of `localEpochs` and `localSteps` is given. */
  readonly localEpochs?: number | undefined
  /** Optimiser steps. */
  readonly localSteps?: number | undefined
  /** Examples per step; the last step of a pass may have fewer. */
  readonly batchSize: number
  readonly learningRate: number
  /** In [0, 1). The momentum starts from zero in every round and never leaves the site. */
  readonly momentum: number
  readonly weightDecay?: number | undefined
}

/** What the child process may use. */
export type TrainingLimits = {
  /** Resident memory of the child, all included. At least 300 MB are needed for the runtime itself. */
  readonly maxMemoryBytes: number
  /** From start to result. */
  readonly maxMs: number
  /** Threads of the runtime; more than one pays off for large models only. */
  readonly threads: number
}

export const DEFAULT_TRAINING_LIMITS: TrainingLimits = {
  maxMemoryBytes: 4 * 1024 ** 3,
  maxMs: 30 * 60_000,
  threads: 1,
}

/** How local training fails; each code is stable. */
export type TrainingFailureCode =
  /** The model holds what is not allowed, or nothing that can be trained for this loss. */
  | 'model_refused'
  /** The data does not fit the model or the loss. */
  | 'data_mismatch'
  /** The runtime could not load or run the train step. */
  | 'step_failed'
  | 'non_finite_loss'
  | 'non_finite_weights'
  | 'memory_limit_exceeded'
  | 'time_limit_exceeded'
  /** The child process ended without a result. */
  | 'child_crashed'
  /** The caller's signal fired. */
  | 'aborted'

export type TrainingFailure = {
  readonly ok: false
  readonly code: TrainingFailureCode
  /** For a person: what was expected and what came. */
  readonly message: string
}

/** Sums over a site's examples; they leave the site only inside the masked vector. */
export type TrainingMetrics = {
  /** Examples trained on. */
  readonly examples: number
  /** Mean loss over everything seen while training, times `examples`. */
  readonly trainLossSum: number
} & EvaluationMetrics

/** How the model as it came does on the held-out examples. */
export type EvaluationMetrics = {
  readonly evalExamples: number
  readonly evalLossSum: number
  /** Examples classified rightly; 0 for a regression. */
  readonly evalCorrect: number
}

/** Where a training is kept from time to time, and what it is a training for. */
export type CheckpointPlace = {
  readonly path: string
  /** Run, round, plan, model and data in one word: a checkpoint serves this training only. */
  readonly purpose: string
  /** Where the site's journal stands as the training begins. */
  readonly journal: JournalMark
  /** At most this often, milliseconds. */
  readonly everyMs: number
}

/** What became of a checkpoint. */
export type CheckpointNote =
  | { readonly kind: 'resumed'; readonly stepsDone: number; readonly stepsTotal: number }
  | { readonly kind: 'written'; readonly stepsDone: number }
  /** There is one, and it is not used. */
  | { readonly kind: 'ignored'; readonly why: string }
  /** The disk does not take it; said once. */
  | { readonly kind: 'failed'; readonly code: string }

export type TrainingProgress = { readonly stepsDone: number; readonly stepsTotal: number }

export type TrainingResult = {
  readonly ok: true
  /** In sorted-name order; the model's own order of `extractParameters`. */
  readonly parameters: Float32Array
  readonly metrics: TrainingMetrics
}

export type ProbeResult = { readonly ok: true; readonly msPerStep: number }
export type EvaluationResult = { readonly ok: true; readonly metrics: EvaluationMetrics }
