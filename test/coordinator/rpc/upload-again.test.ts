/**
 * A masked input that is complete comes again, as after a lost acknowledgement: the same bytes are the same upload, other
 * bytes under the true receipt are not, though the session by itself would see nothing but a repetition.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Metadata, type ServerReadableStream } from '@grpc/grpc-js'
import { afterAll, expect, test } from 'vitest'
import { LiveRounds } from '../../../coordinator/rounds/live-rounds.ts'
import { receiveUpload } from '../../../coordinator/rpc/upload.ts'
import { UploadLives } from '../../../coordinator/rpc/upload-life.ts'
import { UploadSlots } from '../../../coordinator/rpc/upload-slots.ts'
import { sign } from '../../../shared/crypto/signatures.ts'
import { contributionStatement } from '../../../shared/protocol/statements.ts'
import { bindCall } from '../../../shared/transport/peer-connection.ts'
import { uploadDigest } from '../../../shared/vector/upload-digest.ts'
import type { UploadPart, UploadProgress } from '../../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { NOW_MS } from '../../protocol/federation.ts'
import { makeIdentities } from '../../protocol/identities.ts'
import { beforeMasking } from '../session-runner/before-masking.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-again-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A call over a connection without HTTP/2: there is no window to widen. */
function callOf(spiffeId: string, parts: readonly UploadPart['part'][]) {
  const metadata = new Metadata()
  const socket = {} as Socket as never
  bindCall(metadata, { spiffeId, chain: [], socket, address: '', notAfterMs: 0, session: null, wideHolders: 0 })
  async function* messages(): AsyncGenerator<UploadPart> {
    for (const part of parts) yield { part }
  }
  const call = { metadata, cancelled: false, once: () => call, [Symbol.asyncIterator]: messages }
  return call as unknown as ServerReadableStream<UploadPart, UploadProgress>
}

test('the same bytes are acknowledged again, other bytes are refused', async () => {
  const identities = await makeIdentities(4, NOW_MS)
  const { runner, federation, first, packedBytes, isMasking } = await beforeMasking({ identities, folder })
  runner.start()
  await isMasking
  const { session } = federation.sites.get(first) ?? {}
  if (session?.stage !== 'shared') throw new Error('stage 1 has been answered')
  const packed = new Uint8Array(packedBytes)
  const digest = uploadDigest(packed)
  const signature = sign(session.secrets.signing, contributionStatement(session.digests, digest))
  const sessionId = federation.context.sessionId
  const live = new LiveRounds()
  live.open(federation.context.runId, runner)
  const tools = { live, slots: new UploadSlots(1), lives: new UploadLives(), onPart: () => {} }
  const upload = (bytes: Uint8Array) =>
    receiveUpload(
      callOf(first, [
        { $case: 'header', value: { sessionId, totalBytes: packedBytes, offset: 0 } },
        { $case: 'chunk', value: bytes },
        { $case: 'contribution', value: { digest, signature } },
      ]),
      first,
      tools,
    )
  const whole = { acknowledgedBytes: packedBytes, complete: true }
  try {
    expect(await upload(packed)).toEqual(whole)
    expect(await upload(packed)).toEqual(whole)
    const others = packed.slice().fill(1, 0, 1)
    await expect(upload(others)).rejects.toMatchObject({ code: 'conflicting_repeat' })
  } finally {
    runner.abort('cancelled', 'the test is over')
    await runner.ended
  }
})
