/**
 * Every check of the protocol goes through here, so that a script can find each one and prove that some test fails
 * without it. A refusal is thrown inside the core and caught at its door (`step`), which returns it as an outcome.
 */
import type { RefusalCode } from './refusal-codes.ts'

/** A peer broke the protocol, or local policy forbids what it asks. Never leaves the core as a throw. */
export class ProtocolError extends Error {
  readonly code: RefusalCode

  constructor(code: RefusalCode, message: string) {
    super(message)
    this.name = 'ProtocolError'
    this.code = code
  }
}

/** Refuses the message at hand when `condition` holds: what was expected and what came, with ids and lengths, never bytes. */
export function refuseIf(condition: boolean, code: RefusalCode, message: string): void {
  if (condition) throw new ProtocolError(code, message)
}

/** Refuses outright; written under an `if` where the compiler has to see that the code after it is not reached. */
export function refuse(code: RefusalCode, message: string): never {
  throw new ProtocolError(code, message)
}
