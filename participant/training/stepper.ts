/**
 * Runs optimiser steps one after another, the outputs of each being the inputs of the next. An input buffer is never
 * given as an output too: the runtime would read what it has just overwritten.
 */
import type { InferenceSession } from 'onnxruntime-node'
import { invariant } from '../../shared/errors.ts'
import { STATE_PREFIX } from '../../shared/onnx/gradient/train-step.ts'
import type { Parameters } from '../../shared/onnx/parameters.ts'
import type { Batch } from './batches.ts'
import type { ChildJob } from './child-messages.ts'
import { batchFeeds, floatsOf, floatTensorOf, runSession, scalarOf } from './runtime-session.ts'

type Start = {
  readonly session: InferenceSession
  readonly batches: Generator<Batch>
  readonly parameters: Parameters
  readonly job: Pick<ChildJob, 'data' | 'task'>
}

type Resumption = {
  readonly carried: Float32Array
  readonly stepsDone: number
  /** From the one after the last that was taken. */
  readonly batches: Generator<Batch>
}

export class Stepper {
  stepsDone = 0
  readonly #start: Start
  #batches: Generator<Batch>
  /** Values carried from step to step, by input name: parameters, and momentum when there is any. */
  readonly #carried = new Map<string, { values: Float32Array; readonly shape: readonly number[] }>()

  constructor(start: Start) {
    this.#start = start
    this.#batches = start.batches
    const { names, shapes, values } = start.parameters
    let at = 0
    for (const [i, name] of names.entries()) {
      const shape = shapes[i]!
      const length = shape.reduce((a, b) => a * b, 1)
      this.#carried.set(`param.${name}`, { values: values.slice(at, at + length), shape })
      if (start.job.task.momentum > 0) {
        this.#carried.set(`${STATE_PREFIX}${name}`, { values: new Float32Array(length), shape })
      }
      at += length
    }
  }

  /** Takes one step on the next batch; `loss` is summed over the batch's `filled` examples. */
  async step(): Promise<{ loss: number; filled: number }> {
    const { session, job } = this.#start
    const next = this.#batches.next()
    invariant(!next.done, 'training batches do not end')
    const feeds = batchFeeds(next.value, job.data.featureShape)
    feeds.lr = floatTensorOf(Float32Array.of(job.task.learningRate), [])
    for (const [name, { values, shape }] of this.#carried) feeds[name] = floatTensorOf(values, shape)
    const outputs = await runSession(session, feeds)
    for (const [name, carried] of this.#carried) carried.values = floatsOf(outputs, `new.${name}`)
    this.stepsDone++
    return { loss: scalarOf(outputs, 'loss_sum'), filled: next.value.filled }
  }

  /** The parameters as they stand, flat, in sorted-name order. */
  parameters(): Float32Array {
    const { names, values } = this.#start.parameters
    const flat = new Float32Array(values.length)
    let at = 0
    for (const name of names) {
      const part = this.#carried.get(`param.${name}`)?.values
      invariant(part, `parameter ${name} is carried`)
      flat.set(part, at)
      at += part.length
    }
    return flat
  }

  /** Everything carried from step to step, flat: parameters, and momentum when there is any. */
  carried(): Float32Array {
    const flat = new Float32Array(this.carriedLength)
    let at = 0
    for (const { values } of this.#carried.values()) {
      flat.set(values, at)
      at += values.length
    }
    return flat
  }

  get carriedLength(): number {
    return [...this.#carried.values()].reduce((sum, { values }) => sum + values.length, 0)
  }

  /** Goes on from where another stepper for the same job was when it gave `carried`. */
  resume({ carried, stepsDone, batches }: Resumption): void {
    invariant(carried.length === this.carriedLength, 'what is carried on is of the same shapes')
    let at = 0
    for (const part of this.#carried.values()) {
      part.values = carried.slice(at, at + part.values.length)
      at += part.values.length
    }
    this.stepsDone = stepsDone
    this.#batches = batches
  }

  async release(): Promise<void> {
    await this.#start.session.release()
  }
}
