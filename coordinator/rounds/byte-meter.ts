/** Counts what each participant sends, as encoded requests, so that a round can say what it cost a site. */
export class ByteMeter {
  readonly #sent = new Map<string, number>()

  add(spiffeId: string, bytes: number): void {
    this.#sent.set(spiffeId, (this.#sent.get(spiffeId) ?? 0) + bytes)
  }

  /** What these have sent so far. */
  reading(spiffeIds: readonly string[]): ReadonlyMap<string, number> {
    return new Map(spiffeIds.map((spiffeId) => [spiffeId, this.#sent.get(spiffeId) ?? 0]))
  }

  /** The most that one of them has sent since the reading. */
  mostSince(earlier: ReadonlyMap<string, number>): number {
    let most = 0
    for (const [spiffeId, before] of earlier) most = Math.max(most, (this.#sent.get(spiffeId) ?? 0) - before)
    return most
  }
}
