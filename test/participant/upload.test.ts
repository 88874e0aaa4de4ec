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
  for await (const message of call) {
    const { part } = message as UploadPart
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
