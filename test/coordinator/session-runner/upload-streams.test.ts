/** Two streams of one participant that end at the same time: what counts is on disk, whole, whatever the other one says. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { SessionRunner, UploadPlace } from '../../../coordinator/session-runner/session-runner.ts'
import { sign } from '../../../shared/crypto/signatures.ts'
import { contributionStatement } from '../../../shared/protocol/statements.ts'
import { uploadDigest } from '../../../shared/vector/upload-digest.ts'
import { NOW_MS } from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'
import { beforeMasking } from './before-masking.ts'

const parent = mkdtempSync(join(tmpdir(), 'blindsum-streams-'))
let identities: Identities
let folder = ''
let runner: SessionRunner
beforeAll(async () => {
  identities = await makeIdentities(5, NOW_MS)
})
beforeEach(() => {
  folder = mkdtempSync(join(parent, 'spool-'))
})
afterEach(async () => {
  runner.abort('cancelled', 'the test is over')
  await runner.ended
})
afterAll(() => rmSync(parent, { recursive: true }))

/** A participant with its own signing key: any bytes, and a receipt for them that is good or not. */
async function uploader() {
  const made = await beforeMasking({ identities, folder })
  runner = made.runner
  await runner.start()
  await made.isMasking
  const { first, packedBytes, journal } = made
  const session = made.federation.sites.get(first)?.session
  if (session?.stage !== 'shared') throw new Error(`at ${session?.stage}`)
  const bytes = new Uint8Array(packedBytes)
  const digest = uploadDigest(bytes)
  const signature = sign(session.secrets.signing, contributionStatement(session.digests, digest))
  const counted = () => {
    const { session } = journal.recorded()
    return 'contributions' in session ? session.contributions.size : 0
  }
  return {
    good: { digest, signature },
    bad: { digest, signature: signature.slice().fill(1, 40, 50) },
    open: (): UploadPlace => runner.openUpload(first, packedBytes),
    send: async (place: UploadPlace) => place?.spool.write(place.stream, 0, bytes),
    finish: (place: UploadPlace, receipt: { digest: Uint8Array; signature: Uint8Array }) =>
      runner.finishUpload(first, place, receipt),
    counted,
    sizeOnDisk: () => readdirSync(folder).map((name) => statSync(join(folder, name)).size),
    packedBytes,
  }
}

test('a bad receipt throws nothing away that counts', async () => {
  const { good, bad, open, send, finish, counted, sizeOnDisk, packedBytes } = await uploader()
  const older = open()
  await send(older)
  const refused = finish(older, bad)
  await setImmediate()
  const newer = open()
  const [one, two] = await Promise.allSettled([refused, finish(newer, good)])
  expect(one).toMatchObject({ value: { code: 'bad_signature' } })
  expect(two).toMatchObject({ reason: { code: 'wrong_length' } })
  expect(counted()).toBe(0)
  await send(newer)
  expect(await finish(newer, good)).toEqual({ kind: 'accepted', repeated: false })
  expect([counted(), sizeOnDisk()]).toEqual([1, [packedBytes]])
})

test('a bad receipt after a good one is refused, the same one again is a repeat', async () => {
  const { good, bad, open, send, finish, counted, sizeOnDisk, packedBytes } = await uploader()
  const first = open()
  await send(first)
  const taken = finish(first, good)
  await setImmediate()
  const again = open()
  const repeated = finish(again, good)
  const refused = finish(again, bad)
  expect(await taken).toEqual({ kind: 'accepted', repeated: false })
  expect(await repeated).toEqual({ kind: 'accepted', repeated: true })
  expect(await refused).toMatchObject({ kind: 'rejected', code: 'conflicting_repeat' })
  expect([counted(), sizeOnDisk()]).toEqual([1, [packedBytes]])
})
