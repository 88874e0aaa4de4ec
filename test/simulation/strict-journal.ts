/**
 * A journal with the rules of the one on disk: a fact set before may only be repeated, an update is spent once, a session is
 * answered once, entering a session closes every other. A core that contradicts itself is found here.
 */
import type { JournalFact } from '../../participant/protocol/journal.ts'
import { equalBytes } from '../../shared/crypto/digest.ts'
import { decodeStored, encodeStored } from '../../shared/protocol/stored-form.ts'
import { MemoryJournal } from '../protocol/memory-journal.ts'
import { promised } from './finding.ts'

export class StrictJournal extends MemoryJournal {
  override record(fact: JournalFact): void {
    const opened = this.#opened()
    const isOpen = opened.some((id) => equalBytes(id, fact.sessionId))
    // The end of a session that was never entered is no row on disk either.
    if (fact.kind === 'session-closed' && !this.knowsSession(fact.sessionId)) return
    if (fact.kind === 'session-opened') {
      promised('journal_contradicted', !this.knowsSession(fact.sessionId), () => 'a session is entered a second time')
      for (const sessionId of opened) super.record({ kind: 'session-closed', sessionId })
    } else if (fact.kind !== 'session-closed') {
      promised('journal_contradicted', isOpen, () => `${fact.kind} in a session that is not open`)
      const earlier = this.factOf(fact.sessionId, fact.kind)
      const isRepeat = fact.kind !== 'answered' && fact.kind !== 'update-spent' && sameFact(earlier, fact)
      promised('journal_contradicted', earlier === undefined || isRepeat, () => `a second ${fact.kind} in one session`)
    }
    if (fact.kind === 'update-spent') {
      promised('journal_contradicted', !this.isSpent(fact.updateDigest), () => 'an update is spent a second time')
    }
    // What is recorded is a copy: the core overwrites its own when the session ends.
    super.record(copyOf(fact))
  }

  /** The fact of a kind in a session, if there is one. */
  factOf<K extends JournalFact['kind']>(sessionId: Uint8Array, kind: K): Extract<JournalFact, { kind: K }> | undefined {
    const isMeant = (fact: JournalFact): fact is Extract<JournalFact, { kind: K }> =>
      fact.kind === kind && equalBytes(fact.sessionId, sessionId)
    return this.facts.find(isMeant)
  }

  /** The agent restarts: the file is read again. */
  reload(): void {
    const facts = this.facts.map(copyOf)
    this.facts.splice(0, this.facts.length, ...facts)
  }

  #opened(): Uint8Array[] {
    const opened = this.facts.flatMap((fact) => (fact.kind === 'session-opened' ? [fact.sessionId] : []))
    return opened.filter((id) => this.factOf(id, 'session-closed') === undefined)
  }
}

function copyOf(fact: JournalFact): JournalFact {
  return decodeStored<JournalFact>(encodeStored(fact))
}

function sameFact(one: JournalFact | undefined, other: JournalFact): boolean {
  return one !== undefined && encodeStored(one) === encodeStored(other)
}
