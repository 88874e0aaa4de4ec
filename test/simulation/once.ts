/**
 * Signatures, certificates and keys looked at once. Whether a signature verifies depends on its bytes alone, and in one
 * process everybody verifies everybody's: a simulation that remembers the verdicts sees the same several times as fast.
 *
 *   vi.mock('../../shared/crypto/signatures.ts', async (original) => (await import('./once.ts')).verifyingOnce(await original()))
 */
import type * as agreements from '../../shared/crypto/key-agreement.ts'
import type * as signatures from '../../shared/crypto/signatures.ts'
import type * as identitySignatures from '../../shared/identity/identity-signature.ts'
import type * as svids from '../../shared/identity/validate-svid.ts'

/** Verdicts remembered at most. */
const MOST = 20_000

export function verifyingOnce(real: typeof signatures): typeof signatures {
  const verdicts = new Map<string, boolean>()
  const acceptable = new Map<string, boolean>()
  const isAcceptableSigningKey: typeof signatures.isAcceptableSigningKey = (publicKey) =>
    remembered(acceptable, textOf(publicKey), () => real.isAcceptableSigningKey(publicKey))
  const verify: typeof signatures.verify = (publicKey, message, signature) =>
    remembered(verdicts, textOf(publicKey, message, signature), () => real.verify(publicKey, message, signature))
  // What is signed here need not be verified to be known as good.
  const sign: typeof signatures.sign = (key, message) => {
    const signature = real.sign(key, message)
    if (!(key instanceof Uint8Array)) remembered(verdicts, textOf(key.publicKey, message, signature), () => true)
    return signature
  }
  return { ...real, sign, verify, isAcceptableSigningKey }
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

/** Keys to draw from, in turn: more than the sites of one list draw together. */
const KEYS = 512

/**
 * X25519 keys drawn from a few that are made once, and agreements between them remembered. Within a list no key comes twice;
 * a secret handed out is a copy, which its owner overwrites. Masks differ from session to session all the same, for what is
 * agreed on is derived from with the roster's digest.
 */
export function agreeingOnce(real: typeof agreements): typeof agreements {
  const made: agreements.KeyPair[] = []
  const publicOf = new Map<string, Uint8Array>()
  const agreed = new Map<string, Uint8Array>()
  const imported = new Map<string, ReturnType<typeof real.importSecretKey>>()
  const secretOf = new WeakMap<object, Uint8Array>()
  let drawn = 0
  const generateKeyPair: typeof real.generateKeyPair = (rng) => {
    const place = drawn++ % KEYS
    const { publicKey, secretKey } = made[place] ?? real.generateKeyPair(rng)
    made[place] = { publicKey, secretKey }
    publicOf.set(textOf(secretKey), publicKey)
    return { publicKey, secretKey: secretKey.slice() }
  }
  const keyPairFromSecret: typeof real.keyPairFromSecret = (secretKey) => {
    const publicKey = publicOf.get(textOf(secretKey))
    return publicKey === undefined ? real.keyPairFromSecret(secretKey) : { publicKey, secretKey }
  }
  const importSecretKey: typeof real.importSecretKey = (secretKey) => {
    const key = remembered(imported, textOf(secretKey), () => real.importSecretKey(secretKey))
    secretOf.set(key, secretKey.slice())
    return key
  }
  const agree: typeof real.agree = (own, publicKey) => {
    const secretKey = own instanceof Uint8Array ? own : secretOf.get(own)
    const ownPublic = secretKey === undefined ? undefined : publicOf.get(textOf(secretKey))
    if (ownPublic === undefined) return real.agree(own, publicKey)
    const pair = [textOf(ownPublic), textOf(publicKey)].sort().join()
    return remembered(agreed, pair, () => real.agree(own, publicKey)).slice()
  }
  return { ...real, generateKeyPair, keyPairFromSecret, importSecretKey, agree }
}
