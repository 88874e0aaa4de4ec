import type { ServerReadableStream, sendUnaryData } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Connection, connectCoordinator } from '../../participant/connection.ts'
import { uploadMaskedInput } from '../../participant/upload.ts'
import { systemRng } from '../../shared/random.ts'
import type { UploadPart, UploadProgress } from '../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { refusalToStatus } from '../../shared/wire/status.ts'
import { handIdentity, identityOf, NORTH_ID, SERVER_ID } from '../shared/transport/hello.ts'
import { logLines } from './log-lines.ts'
import { closeScripted, startScripted, unavailable } from './scripted-coordinator.ts'

type UploadCall = ServerReadableStream<UploadPart, UploadProgress>
const MIB = 1024 * 1024
const sessionId = systemRng(16)
/** On a busy machine everything waits for its turn. */
const PATIENT = { timeout: 30_000 }
const contribution = { digest: systemRng(32), signature: systemRng(64) }

let connection: Connection | null
let stop: AbortController
beforeEach(() => {
  connection = null
  stop = new AbortController()
})
afterEach(async () => {
  connection?.close()
  await closeScripted()
})

/** What the coordinator has got, and how each stream went. */
interface Receiver {
  got: Buffer
  complete: boolean
  readonly offsets: number[]
  readonly chunkSizes: number[]
  receipt: Uint8Array | null
}

/** A coordinator that keeps bytes by offset; `cutAfter` says after how many chunks a stream is broken off. */
async function receiving(cutAfter: readonly number[], status?: (asked: number) => Error | null) {
  const receiver: Receiver = { got: Buffer.alloc(0), complete: false, offsets: [], chunkSizes: [], receipt: null }
  let asked = 0
  const { address } = await startScripted({
    calls: {
      uploadStatus: (_call, reply) => {
        const failure = status?.(asked) ?? null
        asked += 1
        if (failure !== null) reply(failure)
        else reply(null, { acknowledgedBytes: receiver.got.length, complete: receiver.complete })
      },
      uploadMaskedInput: (call, reply) => void receive(call, reply, receiver, cutAfter[receiver.offsets.length] ?? 1e9),
    },
  })
  connection = connectCoordinator({ address, coordinatorId: SERVER_ID, identity: handIdentity(identityOf(NORTH_ID)) })
  return receiver
}

async function receive(
  call: UploadCall,
  reply: sendUnaryData<UploadProgress>,
  receiver: Receiver,
  cutAfter: number,
): Promise<void> {
  call.on('error', () => {})
  let chunks = 0
  const messages = call[Symbol.asyncIterator]()
  // A stream that is cut is over.
  const next = () => messages.next().catch(() => ({ done: true as const, value: undefined }))
  for (let message = await next(); message.done !== true; message = await next()) {
    const { part } = message.value as UploadPart
    if (part?.$case === 'header') receiver.offsets.push(part.value.offset)
    if (part?.$case === 'chunk') {
      if (chunks === cutAfter) return reply(unavailable('cut'))
      chunks += 1
      receiver.chunkSizes.push(part.value.length)
      receiver.got = Buffer.concat([receiver.got, part.value])
    }
    if (part?.$case === 'contribution') {
      receiver.receipt = new Uint8Array(part.value.signature)
      receiver.complete = true
      return reply(null, { acknowledgedBytes: receiver.got.length, complete: true })
    }
  }
}

function upload(bytes: Uint8Array): Promise<void> {
  const { log } = logLines()
  return uploadMaskedInput({ connection: connection!, sessionId, bytes, contribution, log, signal: stop.signal })
}

test('all bytes arrive in chunks of at most 1 MiB, the receipt after them', async () => {
  const receiver = await receiving([])
  const bytes = systemRng(3 * MIB + 17)
  await upload(bytes)
  expect(receiver.got.equals(bytes)).toBe(true)
  expect(receiver.chunkSizes).toEqual([MIB, MIB, MIB, 17])
  expect(receiver.receipt).toEqual(contribution.signature)
})

describe('while the bytes are still being made', { timeout: 60_000 }, () => {
  const whole = systemRng(3 * MIB + 17)

  /** Bytes that are made at the test's word, and the receipt that follows the last. */
  function growing() {
    const [bytes, receipt] = [new Uint8Array(whole.length), Promise.withResolvers<typeof contribution>()]
    let ready = 0
    let next = Promise.withResolvers<void>()
    const make = (upTo: number) => {
      bytes.set(whole.subarray(ready, upTo), ready)
      ready = upTo
      next.resolve()
      next = Promise.withResolvers()
    }
    const readyBytes = async (moreThan: number) => {
      while (ready <= moreThan && ready < whole.length) await next.promise
      return ready
    }
    const fail = (error: Error) => {
      next.reject(error)
      stop.abort(error)
    }
    return { bytes, readyBytes, contribution: receipt.promise, giveReceipt: receipt.resolve, make, fail }
  }
  const begin = ({ bytes, readyBytes, contribution }: ReturnType<typeof growing>) => {
    const { log } = logLines()
    const at = { connection: connection!, sessionId, log, signal: stop.signal }
    return uploadMaskedInput({ ...at, bytes, readyBytes, contribution })
  }

  test('what is ready is sent, the receipt when there is one', async () => {
    const receiver = await receiving([])
    const input = growing()
    const uploaded = begin(input)
    input.make(2 * MIB + 5)
    await expect.poll(() => receiver.got.length, PATIENT).toBe(2 * MIB)
    input.make(whole.length)
    await expect.poll(() => receiver.got.length, PATIENT).toBe(whole.length)
    expect(receiver.receipt).toBe(null)
    input.giveReceipt(contribution)
    await uploaded
    expect(receiver.got.equals(whole)).toBe(true)
    expect(receiver.chunkSizes).toEqual([MIB, MIB, MIB, 17])
    expect(receiver.receipt).toEqual(contribution.signature)
  })

  test('a cut is noticed, and gone on from', async () => {
    const receiver = await receiving([1])
    const input = growing()
    const uploaded = begin(input)
    input.make(2 * MIB)
    await expect.poll(() => receiver.offsets, PATIENT).toEqual([0, MIB])
    input.make(whole.length)
    input.giveReceipt(contribution)
    await uploaded
    expect(receiver.got.equals(whole)).toBe(true)
  })

  test('when no more will be made, it ends with the reason', async () => {
    const receiver = await receiving([])
    const input = growing()
    const uploaded = begin(input)
    input.make(MIB)
    await expect.poll(() => receiver.got.length, PATIENT).toBe(MIB)
    input.fail(new Error('a mask thread ended'))
    await expect(uploaded).rejects.toThrow('a mask thread ended')
    expect(receiver.complete).toBe(false)
  })
})

test('after cuts it goes on where the coordinator got to, with the same bytes', async () => {
  const receiver = await receiving([2, 0, 1])
  const bytes = systemRng(5 * MIB)
  await upload(bytes)
  expect(receiver.offsets).toEqual([0, 2 * MIB, 2 * MIB, 3 * MIB])
  expect(receiver.got.equals(bytes)).toBe(true)
})

test('one that is complete already is not sent again', async () => {
  const receiver = await receiving([])
  await upload(systemRng(10))
  await upload(systemRng(10))
  expect(receiver.offsets).toEqual([0])
})

test('a coordinator that is away for a moment is asked again', async () => {
  const receiver = await receiving([], (asked) => (asked < 2 ? unavailable('restarting') : null))
  await upload(systemRng(10))
  expect(receiver.complete).toBe(true)
})

describe('ends, never silently', () => {
  test('with the coordinator’s code when it is refused', async () => {
    await receiving([], () => Object.assign(new Error(), refusalToStatus('late', 'the stage has closed')))
    await expect(upload(systemRng(10))).rejects.toMatchObject({ name: 'CallRefused', code: 'late' })
  })

  test('when the coordinator claims more than there is', async () => {
    const receiver = await receiving([])
    receiver.got = Buffer.alloc(11)
    await expect(upload(systemRng(10))).rejects.toMatchObject({ name: 'CallRefused', code: 'wrong_length' })
  })

  test('when its session ends while the coordinator does not read', async () => {
    let reached: () => void = () => {}
    const isReached = new Promise<void>((resolve) => {
      reached = resolve
    })
    const { address } = await startScripted({
      calls: {
        uploadStatus: (_call, reply) => reply(null, { acknowledgedBytes: 0, complete: false }),
        uploadMaskedInput: (call) => {
          call.on('error', () => {})
          reached()
        },
      },
    })
    connection = connectCoordinator({ address, coordinatorId: SERVER_ID, identity: handIdentity(identityOf(NORTH_ID)) })
    const uploaded = upload(systemRng(20 * MIB))
    await isReached
    stop.abort(new Error('the session is over'))
    await expect(uploaded).rejects.toThrow('the session is over')
  })

  test('when nobody is there and the session ends', async () => {
    const gone = await startScripted({})
    await gone.close()
    const identity = handIdentity(identityOf(NORTH_ID))
    connection = connectCoordinator({ address: gone.address, coordinatorId: SERVER_ID, identity })
    const uploaded = upload(systemRng(10))
    setTimeout(() => stop.abort(new Error('deadline')), 50)
    await expect(uploaded).rejects.toThrow('deadline')
  })
})
