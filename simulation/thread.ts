/** One thread of participants: they obey one after the other, so that the thread's processor time is the one's who obeys. */
import { parentPort, workerData } from 'node:worker_threads'
import { invariant, unreachable } from '../shared/errors.ts'
import { vectorLayout, zeroLanes } from '../shared/vector/encoding.ts'
import { Identical } from './identical.ts'
import { KeptOnce } from './kept-once.ts'
import { SimulatedParticipant } from './participant.ts'
import { encodingOf, idAtPlace } from './plan.ts'
import type { FromThread, ThreadStart, ToThread } from './thread-messages.ts'

invariant(parentPort !== null, 'this file is started as a thread')
const port = parentPort
// Safety: started by crew.ts, which gives exactly this.
const { plan, bundle, own } = workerData as ThreadStart

let uploadAnswered: (accepted: boolean) => void = () => {}
const surroundings = {
  plan,
  bundle,
  enrolled: Array.from({ length: plan.participants }, (_, place) => idAtPlace(place)),
  identical: new Identical(),
  keptOnce: new KeptOnce(),
  send: (place: number, method: Extract<FromThread, { kind: 'message' }>['method'], bytes: Uint8Array) =>
    post({ kind: 'message', place, method, bytes }, [bytes]),
  upload: (place: number, parts: readonly Uint8Array[]) => {
    const answered = new Promise<boolean>((resolve) => {
      uploadAnswered = resolve
    })
    post({ kind: 'upload', place, parts }, parts)
    return answered
  },
}
const participants = new Map(own.map(([place, key]) => [place, new SimulatedParticipant(place, key, surroundings)]))

let queue: Promise<void> = Promise.resolve()
port.on('message', (message: ToThread) => {
  if (message.kind === 'upload-answered') uploadAnswered(message.accepted)
  else queue = queue.then(() => take(message)).catch(fail)
})

async function take(message: Exclude<ToThread, { kind: 'upload-answered' }>): Promise<void> {
  switch (message.kind) {
    case 'round':
      for (const [place, fate] of message.fates) at(place).beginRound(message.round, message.sessionId, fate)
      return
    case 'instruct': {
      const { place } = message
      post({ kind: 'obeyed', place, ...(await at(place).obey(message.bytes)) }, [])
      return
    }
    case 'add-up': {
      const { lengthLanes, modulusBits } = vectorLayout(encodingOf(plan))
      const lanes = zeroLanes(lengthLanes, modulusBits)
      for (const place of message.survivors) {
        const one = at(place).plaintext()
        for (let lane = 0; lane < lanes.length; lane += 1) lanes[lane] = (lanes[lane] ?? 0) + (one[lane] ?? 0)
      }
      post({ kind: 'added-up', lanes }, [lanes])
      return
    }
    default:
      unreachable(message)
  }
}

function at(place: number): SimulatedParticipant {
  const found = participants.get(place)
  invariant(found !== undefined, `participant ${place} lives in this thread`)
  return found
}

function post(message: FromThread, handedOver: readonly { readonly buffer: ArrayBufferLike }[]): void {
  port.postMessage(
    message,
    handedOver.map(({ buffer }) => buffer as ArrayBuffer),
  )
}

/** Outside the chain of promises, so that the main thread hears of it as the thread's end. */
function fail(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}
