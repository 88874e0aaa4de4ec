/**
 * What one session keeps on disk, as its runner sees it: every promise is settled once the commit is durable, or rejects and
 * nothing was written. And what a runner that begins again finds there.
 */
import type { SessionFact } from '../protocol/session-facts.ts'
import type { CoordinatorSession } from '../protocol/session-state.ts'

/** When the present stage began and when it closes at the latest. */
export interface StageTimes {
  readonly openedAtMs: number
  readonly deadlineAtMs: number
}

/** The sum of the masked inputs of these roster indices, in a file of the spool folder. */
export interface SumOnDisk {
  readonly file: string
  /** SHA-256 of the file, lower-case hex. */
  readonly digest: string
  readonly contributors: readonly number[]
}

export interface SessionJournal {
  /** Facts in order, after those of before, in one commit; `stage` when one of them began a stage. */
  append(facts: readonly SessionFact[], stage: StageTimes | null): Promise<void>
  /** Digests of the upload's whole blocks from number `first` on; the bytes are on disk. */
  recordBlocks(index: number, first: number, digests: readonly Uint8Array[]): Promise<void>
  /** The upload begins again from its first byte, or is wanted no longer. */
  forgetBlocks(index: number): Promise<void>
  /** From now on this sum is the true one. */
  recordSum(sum: SumOnDisk): Promise<void>
}

/** A session as it stood at its last commit. */
export interface RecordedSession {
  readonly session: CoordinatorSession
  readonly stage: StageTimes
  /** By roster index: the digests of the whole blocks that are on disk. */
  readonly blocks: ReadonlyMap<number, readonly Uint8Array[]>
  readonly sum: SumOnDisk | null
}
