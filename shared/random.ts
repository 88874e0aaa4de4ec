/** A source of random bytes, passed in so that the pure core stays pure and tests can replay a session exactly. */
import { randomBytes } from 'node:crypto'

/** Returns `lengthBytes` fresh bytes. Every real process passes {@link systemRng}. */
export type Rng = (lengthBytes: number) => Uint8Array

/** The system's CSPRNG. */
export const systemRng: Rng = (lengthBytes) => new Uint8Array(randomBytes(lengthBytes))
