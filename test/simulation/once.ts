/**
 * Signatures and certificates looked at once. Whether a signature verifies depends on its bytes alone, and in one process
 * everybody verifies everybody's: a simulation that remembers the verdicts sees the same thing several times as fast.
 *
 *   vi.mock('../../shared/crypto/signatures.ts', async (original) => (await import('./once.ts')).verifyingOnce(await original()))
 */
import type * as signatures from '../../shared/crypto/signatures.ts'
import type * as identitySignatures from '../../shared/identity/identity-signature.ts'
import type * as svids from '../../shared/identity/validate-svid.ts'

/** Verdicts remembered at most. */
const MOST = 20_000

export function verifyingOnce(real: typeof signatures): typeof signatures {
  const verdicts = new Map<string, boolean>()
  const verify: typeof signatures.verify = (publicKey, message, signature) =>
    remembered(verdicts, textOf(publicKey, message, signature), () => real.verify(publicKey, message, signature))
  return { ...real, verify }
}

export function identifyingOnce(real: typeof identitySignatures): typeof identitySignatures {
  const byKey = new WeakMap<object, Map<string, boolean>>()
  const verifyIdentitySignature: typeof identitySignatures.verifyIdentitySignature = (key, message, signature) => {
    const verdicts = byKey.get(key) ?? new Map<string, boolean>()
    byKey.set(key, verdicts)
    const verdict = () => real.verifyIdentitySignature(key, message, signature)
    return remembered(verdicts, textOf(message, signature), verdict)
  }
  return { ...real, verifyIdentitySignature }
}

export function validatingOnce(real: typeof svids): typeof svids {
  const byBundle = new WeakMap<object, Map<string, svids.SvidVerdict>>()
  const validateSvid: typeof svids.validateSvid = (chain, bundle, nowMs) => {
    const verdicts = byBundle.get(bundle) ?? new Map<string, svids.SvidVerdict>()
    byBundle.set(bundle, verdicts)
    return remembered(verdicts, `${nowMs} ${textOf(...chain)}`, () => real.validateSvid(chain, bundle, nowMs))
  }
  return { ...real, validateSvid }
}

function remembered<T>(known: Map<string, T>, key: string, work: () => T): T {
  const before = known.get(key)
  if (before !== undefined) return before
  if (known.size >= MOST) known.clear()
  const found = work()
  known.set(key, found)
  return found
}

/** Each with its length, so that no two lists of byte strings have the same text. */
function textOf(...parts: readonly Uint8Array[]): string {
  return parts.map((part) => `${part.length} ${Buffer.from(part).toString('latin1')}`).join('')
}
