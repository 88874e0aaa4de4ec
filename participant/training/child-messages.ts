/** What parent and training child say to each other over the IPC channel (structured clone, so typed arrays travel). */
import type { Dataset } from '../data/dataset.ts'
import type {
  CheckpointNote,
  CheckpointPlace,
  EvaluationResult,
  ProbeResult,
  TrainingFailure,
  TrainingProgress,
  TrainingResult,
  TrainingTask,
} from './task.ts'

export type ChildJob = {
  readonly kind: 'train' | 'evaluate' | 'probe'
  readonly model: Uint8Array
  readonly task: TrainingTask
  readonly data: Dataset
  /** Decides the order of examples. */
  readonly seed: number
  readonly threads: number
  /** Null: nothing is kept of a training. */
  readonly checkpoint: CheckpointPlace | null
}

export type ChildOutcome = TrainingResult | EvaluationResult | ProbeResult | TrainingFailure

export type ChildMessage =
  | { readonly kind: 'progress'; readonly progress: TrainingProgress; readonly residentBytes: number }
  | { readonly kind: 'checkpoint'; readonly note: CheckpointNote }
  | { readonly kind: 'outcome'; readonly outcome: ChildOutcome }
