/**
 * One record in one file: a header in JSON, numbers after it, and a SHA-256 of all of it at the end. In: what is to be kept.
 * Out: exactly that, or the word that the file is damaged; bytes that are not those written are never given back.
 *
 *   "BLINDSUM" · header length (u32, big-endian) · header · body · SHA-256 of everything before
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { equalBytes } from '../shared/crypto/digest.ts'
import { wipe } from '../shared/crypto/secrets.ts'
import { writeDurably } from './durable-file.ts'

export type FoundRecord =
  | { readonly kind: 'record'; readonly header: unknown; readonly body: Float32Array }
  | { readonly kind: 'absent' }
  /** Cut, altered or no record at all. */
  | { readonly kind: 'damaged'; readonly why: string }

const MAGIC = Buffer.from('BLINDSUM')
const PREFIX_BYTES = MAGIC.length + 4
const DIGEST_BYTES = 32

/** Durable, in the place of what was there, when it resolves. Rejects with the file system's error. */
export async function writeRecord(path: string, header: object, body: readonly Float32Array[]): Promise<void> {
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  const parts = [MAGIC, length, text, ...body.map(bytesOf)]
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  await writeDurably(path, [...parts, hash.digest()])
}

/** Never rejects for what stands in the file; rejects when it is there and cannot be read. */
export async function readRecord(path: string): Promise<FoundRecord> {
  const bytes = await readFile(path, { flag: constants.O_RDONLY | constants.O_NOFOLLOW }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    },
  )
  if (bytes === null) return { kind: 'absent' }
  try {
    return parse(bytes)
  } finally {
    wipe(bytes)
  }
}

function parse(bytes: Buffer): FoundRecord {
  const damaged = (why: string) => ({ kind: 'damaged', why }) as const
  if (bytes.length < PREFIX_BYTES + DIGEST_BYTES) return damaged(`${bytes.length} bytes are no record`)
  const [content, digest] = [bytes.subarray(0, -DIGEST_BYTES), bytes.subarray(-DIGEST_BYTES)]
  if (!equalBytes(createHash('sha256').update(content).digest(), digest)) return damaged('its digest is another')
  const headerEnd = PREFIX_BYTES + content.readUInt32BE(MAGIC.length)
  const isWhole = content.subarray(0, MAGIC.length).equals(MAGIC) && headerEnd <= content.length
  if (!isWhole || (content.length - headerEnd) % Float32Array.BYTES_PER_ELEMENT !== 0) return damaged('it is no record')
  // A copy: numbers have to lie at a multiple of their size.
  const body = new Float32Array(new Uint8Array(content.subarray(headerEnd)).buffer)
  try {
    return { kind: 'record', header: JSON.parse(content.toString('utf8', PREFIX_BYTES, headerEnd)), body }
  } catch {
    return damaged('its header is not JSON')
  }
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
