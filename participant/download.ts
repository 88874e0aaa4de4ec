/**
 * Fetches a plan or a model by its SHA-256 and hashes what comes: bytes that are not the named ones are never used. In: a
 * digest and the most bytes the site accepts. Out: exactly those bytes, or a CallRefused; beside a plan, the signature that
 * came with it, which is not looked into here.
 */
import { createHash } from 'node:crypto'
import { encodeHex, equalBytes } from '../shared/crypto/digest.ts'
import type { PlanSignature } from '../shared/plan/plan-signature.ts'
import type { DownloadChunk } from '../shared/wire/generated/blindsum/v1/coordinator.ts'
import { planSignatureFromWire } from '../shared/wire/plan-signature.ts'
import { CallRefused, untilAnswered } from './calls.ts'
import type { Connection } from './connection.ts'

export interface Downloaded {
  readonly bytes: Uint8Array
  /** What came with the first chunk; null when nothing did. */
  readonly planSignature: PlanSignature | null
}

/** A download that brings nothing for so long is begun anew. */
const STALL_MS = 60_000

/** Downloads, from the beginning after every cut, until `signal` is aborted. */
export async function download(request: {
  readonly connection: Connection
  readonly digest: Uint8Array
  readonly maxBytes: number
  /** In words, for messages: "plan", "model". */
  readonly what: string
  readonly signal: AbortSignal
}): Promise<Downloaded> {
  const { digest, maxBytes, what, signal } = request
  const downloaded = await untilAnswered(() => once(request), signal)
  const { bytes } = downloaded
  const found = new Uint8Array(createHash('sha256').update(bytes).digest())
  if (equalBytes(found, digest)) return downloaded
  const message = `the ${what} that came (${bytes.length} of at most ${maxBytes} bytes) is not ${encodeHex(digest)}`
  throw new CallRefused('digest_mismatch', message)
}

async function once(request: Parameters<typeof download>[0]): Promise<Downloaded> {
  const { connection, digest, maxBytes, what, signal } = request
  const stream = connection.client().download({ digest })
  // A call cancelled after its last byte fails once more, with nobody left to hear it.
  stream.on('error', () => {})
  const cancel = () => stream.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  let stalled = setTimeout(cancel, STALL_MS)
  try {
    let bytes: Uint8Array | null = null
    let planSignature: PlanSignature | null = null
    let length = 0
    for await (const { totalBytes, data, planSignature: sent } of stream as AsyncIterable<DownloadChunk>) {
      clearTimeout(stalled)
      stalled = setTimeout(cancel, STALL_MS)
      if (bytes === null) {
        if (totalBytes > maxBytes) {
          throw new CallRefused('too_large', `the ${what} has ${totalBytes} bytes, this site accepts ${maxBytes}`)
        }
        bytes = new Uint8Array(totalBytes)
        planSignature = planSignatureFromWire(sent)
      }
      if (length + data.length > bytes.length) break
      bytes.set(data, length)
      length += data.length
    }
    if (bytes !== null && length === bytes.length) return { bytes, planSignature }
    throw new CallRefused('download_incomplete', `the ${what} came with another length than announced`)
  } finally {
    clearTimeout(stalled)
    signal.removeEventListener('abort', cancel)
    stream.cancel()
  }
}
