/**
 * Bytes that everybody was sent alike (the roster's list, the quorum certificate) are read and checked once in a thread. What
 * that took is charged to every other participant whose bytes are the same, so that each one's figures are those of an agent.
 */
import { equalBytes } from '../shared/crypto/digest.ts'
import type { Once } from '../shared/protocol/once.ts'
import type { QuorumCertificate } from '../shared/protocol/quorum-certificate.ts'
import type { RosterLine } from '../shared/protocol/roster.ts'
import { certificateFromWire, type LongParts, linesFromWire } from '../shared/wire/from-wire.ts'
import { threadMs } from './measure.ts'

type WireCertificate = Parameters<LongParts['certificate']>[0]

interface Computed {
  readonly result: unknown
  readonly ms: number
}

export class Identical {
  #lines: { readonly packed: Uint8Array; readonly computed: Computed } | null = null
  #certificate: { readonly wire: WireCertificate; readonly computed: Computed } | null = null
  readonly #known = new WeakMap<object, Map<string, Computed>>()
  #charged = 0

  /** Milliseconds of processor time that the last participant was spared, which are its own all the same. */
  takeCharge(): number {
    const charged = this.#charged
    this.#charged = 0
    return charged
  }

  /** The port of the participant's core. What is thrown is not kept: it ends a session, and is told to each. */
  readonly once: Once = (from, given, compute) => {
    const known = this.#known.get(from) ?? new Map<string, Computed>()
    this.#known.set(from, known)
    const before = known.get(given)
    if (before !== undefined) return this.#charge(before)
    const computed = measured(compute)
    known.set(given, computed)
    return computed.result
  }

  readonly long: LongParts = {
    lines: (packed) => {
      if (this.#lines !== null && equalBytes(this.#lines.packed, packed)) return this.#charge(this.#lines.computed)
      const computed = measured((): readonly RosterLine[] => linesFromWire(packed))
      this.#lines = { packed, computed }
      return computed.result
    },
    certificate: (wire) => {
      const last = this.#certificate
      if (last !== null && isSameCertificate(last.wire, wire)) return this.#charge(last.computed)
      const computed = measured((): QuorumCertificate => certificateFromWire(wire))
      this.#certificate = { wire, computed }
      return computed.result
    },
  }

  // Safety: whoever kept it computed it from the same bytes by the same function, so it is of the type asked for.
  #charge<T>({ result, ms }: Computed): T {
    this.#charged += ms
    return result as T
  }
}

function measured<T>(compute: () => T): { readonly result: T; readonly ms: number } {
  const before = threadMs()
  const result = compute()
  return { result, ms: threadMs() - before }
}

function isSameCertificate(a: WireCertificate, b: WireCertificate): boolean {
  return (
    equalBytes(a.shared, b.shared) &&
    equalBytes(a.survivors, b.survivors) &&
    equalBytes(a.signers, b.signers) &&
    equalBytes(a.signatures, b.signatures)
  )
}
