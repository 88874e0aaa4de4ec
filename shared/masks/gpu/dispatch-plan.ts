/**
 * How a job is cut into dispatches: none may run so long that a driver's watchdog ends it or a cancellation waits, and
 * each should have enough invocations for a large GPU.
 */

/** A large GPU keeps this many invocations in flight. */
const INVOCATIONS_WANTED = 2 ** 17
/** Rows of sums together take at most so many blocks, or the vector's own blocks where these are more: 16 MiB. */
const WISHED_MS = 40
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

  /** Aims at {@link WISHED_MS}, by at most a factor of four at a time. */
  learn(elapsedMs: number): void {
    const factor = Math.min(4, Math.max(1 / 4, WISHED_MS / Math.max(elapsedMs, 0.01)))
    this.#expansions = Math.min(MOST_EXPANSIONS, Math.max(LEAST_EXPANSIONS, this.#expansions * factor))
  }
}
