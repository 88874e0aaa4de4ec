/**
 * How a job is cut into dispatches: none may run so long that a driver's watchdog ends it or a cancellation waits, and
 * each should have enough invocations for a large GPU.
 */

/** A large GPU keeps this many invocations in flight. */
const INVOCATIONS_WANTED = 2 ** 17
const WISHED_MS = 40
/** Of keystream blocks: 64 MiB at first, 1 MiB at least, 64 GiB at most. */
const FIRST_EXPANSIONS = 2 ** 20
const LEAST_EXPANSIONS = 2 ** 14
const MOST_EXPANSIONS = 2 ** 30

/** Rows of sums for a vector of so many blocks: one, or as many as fill the GPU. */
export function groupsFor(blocks: number, seeds: number): number {
  return Math.max(1, Math.min(Math.floor(INVOCATIONS_WANTED / blocks), seeds))
}

/** Learns from every dispatch how many blocks of keystream the next one may expand. */
export class DispatchBudget {
  #expansions = FIRST_EXPANSIONS

  /** Masks that the next dispatch takes, at least one. */
  seedsFor(blocks: number): number {
    return Math.max(1, Math.floor(this.#expansions / blocks))
  }

  /** Aims at {@link WISHED_MS}, by at most a factor of four at a time. That a small dispatch was quick tells nothing. */
  learn(expansions: number, elapsedMs: number): void {
    const factor = Math.min(4, Math.max(1 / 4, WISHED_MS / Math.max(elapsedMs, 0.01)))
    const wished = Math.min(MOST_EXPANSIONS, Math.max(LEAST_EXPANSIONS, expansions * factor))
    this.#expansions = factor > 1 ? Math.max(this.#expansions, wished) : Math.min(this.#expansions, wished)
  }
}
