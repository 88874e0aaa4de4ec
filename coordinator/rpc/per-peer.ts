/** So many at once for each SPIFFE ID. */
import { refuseIf } from '../../shared/protocol/refusal.ts'

export class PerPeer {
  readonly #most: number
  readonly #what: string
  readonly #counts = new Map<string, number>()

  constructor(most: number, what: string) {
    this.#most = most
    this.#what = what
  }

  /** The same items, counted from the first until the last, or until the reader leaves. @throws ProtocolError `too_busy`. */
  async *during<T>(spiffeId: string, items: AsyncIterable<T>): AsyncIterable<T> {
    const count = this.#counts.get(spiffeId) ?? 0
    refuseIf(count >= this.#most, 'too_busy', `${spiffeId} has ${count} ${this.#what} under way, the most at once`)
    this.#counts.set(spiffeId, count + 1)
    try {
      yield* items
    } finally {
      const left = (this.#counts.get(spiffeId) ?? 1) - 1
      if (left === 0) this.#counts.delete(spiffeId)
      else this.#counts.set(spiffeId, left)
    }
  }
}
