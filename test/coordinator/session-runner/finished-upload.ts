/** An upload that is finished and counts, for tests that ask for its digest only. */
import type { UploadSpool } from '../../../coordinator/session-runner/upload-spool.ts'

export async function digestOf(spool: UploadSpool, stream: number): Promise<Uint8Array> {
  let found = new Uint8Array(0)
  await spool.finish(stream, async (digest) => {
    found = new Uint8Array(digest)
    return { kind: 'accepted', repeated: false }
  })
  return found
}
