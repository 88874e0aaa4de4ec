/**
 * The only module that loads onnxruntime, and only inside the training child. Wraps one session: feeds by name are
 * checked here, because the runtime silently accepts unknown feeds.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { invariant } from '../../shared/errors.ts'
import type { Batch } from './batches.ts'

export type Feeds = Readonly<Record<string, Tensor>>

/** Loads a model made by us. Threads do not spin while idle: the machine is shared. */
export async function openSession(model: Uint8Array, threads: number): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  })
}

/** Runs a session on exactly the inputs it names. */
export async function runSession(session: InferenceSession, feeds: Feeds): Promise<Readonly<Record<string, Tensor>>> {
  const missing = session.inputNames.filter((name) => !(name in feeds))
  invariant(missing.length === 0, `session lacks inputs ${missing.join(', ')}`)
  invariant(Object.keys(feeds).length === session.inputNames.length, 'session was fed inputs it does not have')
  return (await session.run(feeds)) as Readonly<Record<string, Tensor>>
}

export function batchFeeds(batch: Batch, featureShape: readonly number[]): Record<string, Tensor> {
  const y =
    batch.y instanceof Float32Array
      ? new Tensor('float32', batch.y, [batch.size])
      : new Tensor('int64', batch.y, [batch.size])
  return {
    x: new Tensor('float32', batch.x, [batch.size, ...featureShape]),
    y,
    w: new Tensor('float32', batch.w, [batch.size]),
  }
}

export function floatTensorOf(values: Float32Array, shape: readonly number[]): Tensor {
  return new Tensor('float32', values, shape)
}

/** The only element of a scalar float output. */
export function scalarOf(outputs: Readonly<Record<string, Tensor>>, name: string): number {
  return Number(elementOf(outputs, name))
}

export function floatsOf(outputs: Readonly<Record<string, Tensor>>, name: string): Float32Array {
  const data = outputs[name]?.data
  invariant(data instanceof Float32Array, `output ${name} is not float32`)
  return data
}

function elementOf(outputs: Readonly<Record<string, Tensor>>, name: string): number | bigint {
  const data = outputs[name]?.data
  const value = data?.[0]
  invariant(
    data?.length === 1 && (typeof value === 'number' || typeof value === 'bigint'),
    `output ${name} is no scalar`,
  )
  return value
}
