import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Connection, connectCoordinator } from '../../participant/connection.ts'
import { download } from '../../participant/download.ts'
import { sha256 } from '../../shared/crypto/digest.ts'
import { systemRng } from '../../shared/random.ts'
import type { DownloadChunk } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { refusalToStatus } from '../../shared/wire/status.ts'
import { handIdentity, identityOf, NORTH_ID, SERVER_ID } from '../shared/transport/hello.ts'
import { closeScripted, startScripted, unavailable } from './scripted-coordinator.ts'

let connection: Connection
let stop: AbortController
beforeEach(() => {
  stop = new AbortController()
})
afterEach(async () => {
  connection.close()
  await closeScripted()
})

/** `attempts` says what each call gets: chunks, then perhaps a failure. */
async function serving(...attempts: { readonly chunks: DownloadChunk[]; readonly failure?: Error }[]): Promise<void> {
  let count = 0
  const { address } = await startScripted({
    calls: {
      download: (call) => {
        call.on('error', () => {})
        const attempt = attempts[Math.min(count, attempts.length - 1)]
        count += 1
        for (const chunk of attempt?.chunks ?? []) call.write(chunk)
        if (attempt?.failure === undefined) call.end()
        else call.emit('error', attempt.failure)
      },
    },
  })
  connection = connectCoordinator({ address, coordinatorId: SERVER_ID, identity: handIdentity(identityOf(NORTH_ID)) })
}

const bytes = systemRng(3000)
const chunksOf = (data: Uint8Array, totalBytes = data.length): DownloadChunk[] =>
  [0, 1, 2].map((part) => ({
    totalBytes,
    data: data.subarray(part * 1000, (part + 1) * 1000),
    planSignature: undefined,
  }))
const fetched = (digest = sha256(bytes), maxBytes = 3000) =>
  download({ connection, digest, maxBytes, what: 'model', signal: stop.signal })

test('exactly the named bytes come', async () => {
  await serving({ chunks: chunksOf(bytes) })
  expect(await fetched()).toEqual({ bytes, planSignature: null })
})

test('a signature comes with the first chunk', async () => {
  const planSignature = {
    authorId: 'spiffe://a.example/author',
    signedAtMs: 1,
    certificateChain: [Uint8Array.of(1, 2)],
    signature: new Uint8Array(64),
  }
  const [first, ...others] = chunksOf(bytes)
  await serving({ chunks: [{ ...first!, planSignature }, ...others] })
  expect(await fetched()).toEqual({ bytes, planSignature })
})

test('a cut one is begun anew', async () => {
  await serving({ chunks: chunksOf(bytes).slice(0, 1), failure: unavailable('cut') }, { chunks: chunksOf(bytes) })
  expect(await fetched()).toMatchObject({ bytes })
})

test.each([
  ['digest_mismatch', chunksOf(systemRng(3000))],
  ['too_large', chunksOf(bytes, 3001)],
  ['download_incomplete', chunksOf(bytes).slice(0, 2)],
  [
    'download_incomplete',
    [...chunksOf(bytes).slice(0, 2), { totalBytes: 3000, data: new Uint8Array(1001), planSignature: undefined }],
  ],
  ['download_incomplete', []],
])('refuses %s', async (code, chunks) => {
  await serving({ chunks })
  await expect(fetched()).rejects.toMatchObject({ name: 'CallRefused', code })
})

test('what the coordinator does not have is refused with its code', async () => {
  await serving({ chunks: [], failure: Object.assign(new Error(), refusalToStatus('not_found', 'no such digest')) })
  await expect(fetched()).rejects.toMatchObject({ name: 'CallRefused', code: 'not_found' })
})

test('it ends when it is not wanted any more', async () => {
  await serving({ chunks: [], failure: unavailable('busy') })
  const wanted = fetched()
  setTimeout(() => stop.abort(new Error('another order came')), 50)
  await expect(wanted).rejects.toThrow('another order came')
})
