/**
 * A session's journal in memory: what is told to it is kept in stored form, as the store keeps it, and can be read back as a
 * coordinator does that starts again. It can be made to fail, or to take as long as a test wants.
 */
import { applyFact, openSession } from '../../../coordinator/protocol/session.ts'
import type { SessionFact } from '../../../coordinator/protocol/session-facts.ts'
import type { SessionSetup } from '../../../coordinator/protocol/session-state.ts'
import type {
  RecordedSession,
  SessionJournal,
  StageTimes,
  SumOnDisk,
} from '../../../coordinator/session-runner/session-journal.ts'
import { decodeStored, encodeStored } from '../../../shared/protocol/stored-form.ts'

export class MemoryJournal implements SessionJournal {
  readonly #setup: string
  readonly #facts: string[] = []
  readonly #blocks = new Map<number, Uint8Array[]>()
  #stage: StageTimes
  #sum: SumOnDisk | null = null
  /** How many facts each commit had. */
  readonly commits: number[] = []
  /** Waited for before anything is kept; what it throws is the commit's failure. */
  gate: () => Promise<void> = async () => {}

  constructor(setup: SessionSetup, stage: StageTimes) {
    this.#setup = encodeStored(setup)
    this.#stage = stage
  }

  readonly append = async (facts: readonly SessionFact[], stage: StageTimes | null): Promise<void> => {
    await this.gate()
    this.commits.push(facts.length)
    this.#facts.push(...facts.map(encodeStored))
    if (stage !== null) this.#stage = stage
  }

  readonly recordBlocks = async (index: number, first: number, digests: readonly Uint8Array[]): Promise<void> => {
    await this.gate()
    const blocks = this.#blocks.get(index) ?? []
    if (blocks.length !== first) throw new Error(`block ${first} after ${blocks.length}`)
    this.#blocks.set(index, [...blocks, ...digests])
  }

  readonly forgetBlocks = async (index: number): Promise<void> => {
    await this.gate()
    this.#blocks.delete(index)
  }

  readonly recordSum = async (sum: SumOnDisk): Promise<void> => {
    await this.gate()
    this.#sum = sum
  }

  /** What is there after the last commit. */
  recorded(): RecordedSession {
    let session = openSession(decodeStored<SessionSetup>(this.#setup))
    for (const fact of this.#facts) session = applyFact(session, decodeStored<SessionFact>(fact))
    return { session, stage: this.#stage, blocks: new Map(this.#blocks), sum: this.#sum }
  }
}
