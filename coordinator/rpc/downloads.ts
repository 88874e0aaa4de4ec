/**
 * What a participant may download: the plans it is enrolled in, and the models of their runs. Anything else is, for it, not
 * there.
 */
import { encodeHex } from '../../shared/crypto/digest.ts'
import { ConfigError } from '../../shared/errors.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import type { DownloadChunk } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { planSignatureToWire } from '../../shared/wire/plan-signature.ts'
import type { Runs } from '../registry/runs.ts'
import type { Versions } from '../registry/versions.ts'
import type { BlobStore } from '../store/blobs.ts'

export interface DownloadTools {
  readonly runs: Runs
  readonly versions: Versions
  readonly blobs: BlobStore
}

/** @throws ProtocolError `malformed`; ConfigError `not_found`. */
export async function* download(digest: Uint8Array, from: string, tools: DownloadTools): AsyncIterable<DownloadChunk> {
  refuseIf(digest.length !== 32, 'malformed', `digest: 32 bytes were expected, ${digest.length} came`)
  const wanted = encodeHex(digest)
  for (const run of await tools.runs.list()) {
    if (!run.plan.participants.enrolled.includes(from)) continue
    if (encodeHex(run.planDigest) === wanted) {
      const planSignature = run.planSignature === null ? undefined : planSignatureToWire(run.planSignature)
      yield { totalBytes: run.planDocument.length, data: run.planDocument, planSignature }
      return
    }
    const versions = await tools.versions.list(run.id)
    if (!versions.some(({ modelDigest }) => modelDigest === wanted)) continue
    const totalBytes = (await tools.blobs.size(wanted)) ?? 0
    for await (const data of tools.blobs.stream(wanted)) yield { totalBytes, data, planSignature: undefined }
    return
  }
  throw new ConfigError('not_found', `nothing with digest ${wanted} is meant for ${from}`)
}
