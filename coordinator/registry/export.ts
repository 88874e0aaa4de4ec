/**
 * One version as a folder that `blindsum verify` reads: its model and provenance, the plan, the provenance of every
 * ancestor and the record of every session, streamed file by file from verified blobs.
 */
import { invariant } from '../../shared/errors.ts'
import {
  chainPath,
  MODEL_PATH,
  PLAN_PATH,
  PROVENANCE_PATH,
  sessionPath,
} from '../../shared/provenance/export-layout.ts'
import type { BlobStore } from '../store/blobs.ts'
import type { Run } from './runs.ts'
import type { Version } from './versions.ts'

export interface ExportedPart {
  /** Set on the first part of each file, else empty. */
  readonly path: string
  readonly data: Uint8Array
  readonly last: boolean
}

/** The files of `version`, one after the other, each in pieces of at most 1 MiB. */
export async function* exportVersion(input: {
  readonly run: Run
  readonly versions: readonly Version[]
  readonly version: Version
  readonly blobs: BlobStore
}): AsyncIterable<ExportedPart> {
  const { run, versions, version, blobs } = input
  const ancestry = versions.filter((candidate) => candidate.version <= version.version)
  yield* partsOf(MODEL_PATH, blobs.stream(version.modelDigest))
  yield* partsOf(PROVENANCE_PATH, blobs.stream(version.provenanceDigest))
  yield* partsOf(PLAN_PATH, whole(run.planDocument))
  for (const ancestor of ancestry) {
    if (ancestor.version < version.version) {
      yield* partsOf(chainPath(ancestor.version), blobs.stream(ancestor.provenanceDigest))
    }
    if (ancestor.version === 0) continue
    invariant(ancestor.sessionRecordDigest !== null, `version ${ancestor.version} has a session record`)
    yield* partsOf(sessionPath(ancestor.version), blobs.stream(ancestor.sessionRecordDigest))
  }
}

/** Holds one piece back so that the last one can say that it is the last. */
async function* partsOf(path: string, pieces: AsyncIterable<Uint8Array>): AsyncIterable<ExportedPart> {
  let held: Uint8Array | null = null
  let isFirst = true
  for await (const piece of pieces) {
    if (held !== null) {
      yield { path: isFirst ? path : '', data: held, last: false }
      isFirst = false
    }
    held = piece
  }
  yield { path: isFirst ? path : '', data: held ?? new Uint8Array(0), last: true }
}

async function* whole(bytes: Uint8Array) {
  for (let offset = 0; offset < bytes.length; offset += 1 << 20) yield bytes.subarray(offset, offset + (1 << 20))
}
