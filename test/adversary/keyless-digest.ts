/**
 * The roster digest as it would be if a line's signing key were not in its leaf: entry hashes alone, which say the same thing
 * to somebody who has the entry, and nothing to anybody else. A test file that wants it begins with
 *
 *   vi.mock('../../shared/protocol/roster.ts', async (original) => (await import('./keyless-digest.ts')).digestsWithoutKeys(await original()))
 */
import { merkleRoot } from '../../shared/crypto/merkle.ts'
import type * as rosters from '../../shared/protocol/roster.ts'
import { digestTuple, encodeTuple } from '../../shared/protocol/tuple.ts'

let isKeyless = false

/** Takes the signing keys out of the digest, or puts them back, from now on. */
export function leaveKeysOut(out: boolean): void {
  isKeyless = out
}

/** The module of rosters, with a digest that leaves signing keys out while it is told to. */
export function digestsWithoutKeys(real: typeof rosters): typeof rosters {
  return {
    ...real,
    rosterDigest(contextDigest, lines) {
      if (!isKeyless) return real.rosterDigest(contextDigest, lines)
      const leaves = lines.map(({ enrolment, entryHash }, place) =>
        encodeTuple('blindsum/v1/roster-leaf', place + 1, enrolment, entryHash),
      )
      return digestTuple('blindsum/v1/roster', contextDigest, lines.length, merkleRoot(leaves))
    },
  }
}
