/** A participant's journal in memory: the port's semantics without a disk. What is closed is forgotten but for what counts. */
import type { JournalFact, JournalView, SessionTarget } from '../participant/protocol/journal.ts'
import { encodeHex, equalBytes } from '../shared/crypto/digest.ts'
import type { Reveal } from '../shared/protocol/reveal.ts'

interface Entered {
  readonly opened: Extract<JournalFact, { kind: 'session-opened' }>
  readonly spent: boolean
}

export class MemoryJournal implements JournalView {
  readonly #sessions = new Map<string, Entered>()
  readonly #spent = new Set<string>()
  #answered: Extract<JournalFact, { kind: 'answered' }> | null = null

  record(fact: JournalFact): void {
    const id = encodeHex(fact.sessionId)
    if (fact.kind === 'session-opened') this.#sessions.set(id, { opened: fact, spent: false })
    if (fact.kind === 'answered') this.#answered = fact
    if (fact.kind === 'session-closed') this.#answered = null
    if (fact.kind !== 'update-spent') return
    this.#spent.add(encodeHex(fact.updateDigest))
    const entered = this.#sessions.get(id)
    if (entered !== undefined) this.#sessions.set(id, { ...entered, spent: true })
  }

  knowsSession(sessionId: Uint8Array): boolean {
    return this.#sessions.has(encodeHex(sessionId))
  }

  tookPartSince(planDigest: Uint8Array, ms: number): boolean {
    return this.#masked((opened) => opened.atMs >= ms && equalBytes(opened.planDigest, planDigest)) > 0
  }

  isSpent(updateDigest: Uint8Array): boolean {
    return this.#spent.has(encodeHex(updateDigest))
  }

  maskedSessionsOn({ modelDigest, planDigest, round }: SessionTarget): number {
    const onModel = this.#masked((opened) => equalBytes(opened.modelDigest, modelDigest))
    const inRound = this.#masked((opened) => opened.round === round && equalBytes(opened.planDigest, planDigest))
    return Math.max(onModel, inRound)
  }

  maskedSessionsSince(ms: number): number {
    return this.#masked((opened) => opened.atMs >= ms)
  }

  replyOf(sessionId: Uint8Array): { requestDigest: Uint8Array; reply: Reveal } | null {
    const answered = this.#answered
    return answered !== null && equalBytes(answered.sessionId, sessionId) ? answered : null
  }

  #masked(isMeant: (opened: Entered['opened']) => boolean): number {
    return [...this.#sessions.values()].filter(({ opened, spent }) => spent && isMeant(opened)).length
  }
}
