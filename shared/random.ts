/** A source of random bytes, passed in so that the pure core stays pure and tests can replay a session exactly. */
import { randomFillSync } from 'node:crypto'
import { secretBytes } from './crypto/secrets.ts'

/** Returns `lengthBytes` fresh bytes, the caller's alone: what is secret it overwrites. Every real process passes {@link systemRng}. */
export type Rng = (lengthBytes: number) => Uint8Array

/** The system's CSPRNG, straight into the bytes returned: no copy is left behind. */
export const systemRng: Rng = (lengthBytes) => randomFillSync(secretBytes(lengthBytes))
