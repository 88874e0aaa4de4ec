/**
 * The roster's entries are kept in memory once per thread, though every neighbour was sent its own copy. Memory only: every
 * participant reads and checks its own bytes first, and pays for that itself.
 */
import type { ParticipantSession } from '../participant/protocol/session-state.ts'
import { encodeHex } from '../shared/crypto/digest.ts'
import type { RosterEntry } from '../shared/protocol/roster.ts'

export class KeptOnce {
  #rosterDigest = ''
  readonly #entries = new Map<number, RosterEntry>()

  /** The session as it was, with what others of the same roster hold already in place of its own copies. */
  of(session: ParticipantSession): ParticipantSession {
    if (session.stage !== 'shared') return session
    const digest = encodeHex(session.digests.rosterDigest)
    if (digest !== this.#rosterDigest) {
      this.#rosterDigest = digest
      this.#entries.clear()
    }
    // One roster digest covers every line, and each line its entry, so what stands under an index is the same for all.
    for (const [index, entry] of session.neighbours) if (!this.#entries.has(index)) this.#entries.set(index, entry)
    const neighbours = new Map(
      [...session.neighbours].map(([index, entry]) => [index, this.#entries.get(index) ?? entry]),
    )
    return { ...session, neighbours }
  }
}
