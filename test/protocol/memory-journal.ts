/** A journal in memory: the port's semantics without a disk. */
import type { JournalFact, JournalView, SessionTarget } from '../../participant/protocol/journal.ts'
import type { Reveal } from '../../shared/protocol/reveal.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

export class MemoryJournal implements JournalView {
  readonly facts: JournalFact[] = []

  record(fact: JournalFact): void {
    this.facts.push(fact)
  }

  knowsSession(sessionId: Uint8Array): boolean {
    return this.facts.some((fact) => fact.kind === 'session-opened' && hex(fact.sessionId) === hex(sessionId))
  }

  tookPartSince(planDigest: Uint8Array, ms: number): boolean {
    return this.#spentIn((opened) => opened.atMs >= ms && hex(opened.planDigest) === hex(planDigest)) > 0
  }

  isSpent(updateDigest: Uint8Array): boolean {
    return this.facts.some((fact) => fact.kind === 'update-spent' && hex(fact.updateDigest) === hex(updateDigest))
  }

  maskedSessionsOn({ modelDigest, planDigest, round }: SessionTarget): number {
    const onModel = this.#spentIn((opened) => hex(opened.modelDigest) === hex(modelDigest))
    const inRound = this.#spentIn((opened) => opened.round === round && hex(opened.planDigest) === hex(planDigest))
    return Math.max(onModel, inRound)
  }

  maskedSessionsSince(ms: number): number {
    return this.#spentIn((opened) => opened.atMs >= ms)
  }

  #spentIn(isMeant: (opened: Extract<JournalFact, { kind: 'session-opened' }>) => boolean): number {
    const sessions = this.facts.flatMap((fact) =>
      fact.kind === 'session-opened' && isMeant(fact) ? [hex(fact.sessionId)] : [],
    )
    return this.facts.filter((fact) => fact.kind === 'update-spent' && sessions.includes(hex(fact.sessionId))).length
  }

  replyOf(sessionId: Uint8Array): { requestDigest: Uint8Array; reply: Reveal } | null {
    const closed = this.facts.some((fact) => fact.kind === 'session-closed' && hex(fact.sessionId) === hex(sessionId))
    const found = this.facts.find((fact) => fact.kind === 'answered' && hex(fact.sessionId) === hex(sessionId))
    return closed || found?.kind !== 'answered' ? null : { requestDigest: found.requestDigest, reply: found.reply }
  }
}
