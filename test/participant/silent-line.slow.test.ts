/** A network that says nothing any more, not even that it is gone: the agent finds out, attends anew and goes on uploading. */
import { afterEach, expect, test } from 'vitest'
import { attend } from '../../participant/attendance.ts'
import { connectCoordinator } from '../../participant/connection.ts'
import { uploadMaskedInput } from '../../participant/upload.ts'
import { systemRng } from '../../shared/random.ts'
import type { UploadPart } from '../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { handIdentity, identityOf, NORTH_ID, SERVER_ID } from '../shared/transport/hello.ts'
import { logLines } from './log-lines.ts'
import { closeScripted, idleBecause, startScripted } from './scripted-coordinator.ts'
import { silentLine } from './silent-line.ts'

const MIB = 1024 * 1024
const stop = new AbortController()
let close: () => Promise<void> = async () => {}
afterEach(async () => {
  stop.abort()
  await close()
  await closeScripted()
})

test('it is noticed within a minute, and the same upload goes on at its offset', async () => {
  const bytes = systemRng(6 * MIB)
  const got = Buffer.alloc(bytes.length)
  let [acknowledged, isComplete] = [0, false]
  const offsets: number[] = []
  const half = Promise.withResolvers<void>()
  const { port } = await startScripted({
    attend: (call, count) => call.write(idleBecause(`stream ${count}`)),
    calls: {
      uploadStatus: (_call, reply) => reply(null, { acknowledgedBytes: acknowledged, complete: isComplete }),
      uploadMaskedInput: async (call, reply) => {
        call.on('error', () => {})
        let at = 0
        for await (const { part } of call as AsyncIterable<UploadPart>) {
          if (part?.$case === 'header') {
            at = part.value.offset
            offsets.push(at)
          }
          if (part?.$case === 'chunk') {
            // The first stream is read to its middle only; then the line is silent.
            if (offsets.length === 1 && at === 3 * MIB) {
              half.resolve()
              await new Promise(() => {})
            }
            got.set(part.value, at)
            at += part.value.length
            acknowledged = at
          }
          if (part?.$case === 'contribution') {
            isComplete = true
            reply(null, { acknowledgedBytes: acknowledged, complete: true })
          }
        }
      },
    },
  })
  const line = await silentLine(port)
  const identity = handIdentity(identityOf(NORTH_ID))
  const connection = connectCoordinator({ address: line.address, coordinatorId: SERVER_ID, identity })
  const output = logLines()
  const told: string[] = []
  const attending = attend({
    connection,
    identity,
    log: output.log,
    signal: stop.signal,
    onInstruction: ({ step }) => told.push(step?.$case === 'idle' ? step.value.reason : 'other'),
    onAttending: () => {},
  })
  close = async () => {
    await attending
    connection.close()
    await line.close()
  }
  await output.until(({ msg }) => msg === 'attending')
  const contribution = { digest: systemRng(32), signature: systemRng(64) }
  const uploaded = uploadMaskedInput({
    connection,
    sessionId: systemRng(16),
    bytes,
    contribution,
    log: output.log,
    signal: stop.signal,
  })
  await half.promise
  line.fallSilent()
  const beganAtMs = performance.now()
  await output.until(({ msg }) => msg.startsWith('not attending'))
  expect(performance.now() - beganAtMs).toBeLessThan(60_000)
  line.speakAgain()
  await uploaded
  expect(offsets).toEqual([0, 3 * MIB])
  expect(Buffer.compare(got, bytes)).toBe(0)
  await expect.poll(() => told).toEqual(['stream 0', 'stream 1'])
}, 180_000)
