/**
 * Key derivation: HKDF-SHA256 (RFC 5869) with the roster digest as salt and a tuple that names the purpose, the context
 * and the indices as info. One derived key serves one purpose in one session between one pair, and nothing else.
 */
import { hkdfSync, type KeyObject } from 'node:crypto'
import { encodeTuple } from '../protocol/tuple.ts'
import { agree } from './key-agreement.ts'
import { wipe } from './secrets.ts'

/** The two digests every derivation is bound to (32 bytes each). */
interface SessionBinding {
  readonly contextDigest: Uint8Array
  readonly rosterDigest: Uint8Array
}

/** An X25519 secret key of ours, raw or imported, and the public key of the peer, which was checked on its admission. */
interface Agreement {
  readonly ownSecret: Uint8Array | KeyObject
  readonly peerPublic: Uint8Array
}

/** HKDF-SHA256, extract and expand, to 32 bytes. */
export function deriveKey(input: {
  readonly secret: Uint8Array
  readonly salt: Uint8Array
  readonly info: Uint8Array
}): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', input.secret, input.salt, input.info, 32))
}

/**
 * K_{u→v}, which seals the shares that `from` deals to `to`: from X25519(c_u, c_v) and
 * ("blindsum/v1/share-key", contextDigest, from, to). Either side computes it with its own channel secret.
 */
export function shareKey(
  input: Agreement & SessionBinding & { readonly from: number; readonly to: number },
): Uint8Array {
  return agreedKey(input, shareKeyInfo(input))
}

/** K_{own→peer} and K_{peer→own}, both from the one agreement: what {@link shareKey} gives either way. */
export function shareKeysBothWays(
  input: Agreement & SessionBinding & { readonly own: number; readonly peer: number },
): {
  readonly outgoing: Uint8Array
  readonly incoming: Uint8Array
} {
  const { own, peer, contextDigest, rosterDigest: salt } = input
  const secret = agree(input.ownSecret, input.peerPublic)
  const outgoing = deriveKey({ secret, salt, info: shareKeyInfo({ contextDigest, from: own, to: peer }) })
  const incoming = deriveKey({ secret, salt, info: shareKeyInfo({ contextDigest, from: peer, to: own }) })
  wipe(secret)
  return { outgoing, incoming }
}

/**
 * ChaCha20 key of the pairwise mask between indices `a` and `b`: from X25519(s_u, s_v) and
 * ("blindsum/v1/pairwise-mask", contextDigest, min, max). Symmetric in `a` and `b`.
 */
export function pairwiseMaskKey(
  input: Agreement & SessionBinding & { readonly a: number; readonly b: number },
): Uint8Array {
  const { a, b, contextDigest } = input
  return agreedKey(input, encodeTuple('blindsum/v1/pairwise-mask', contextDigest, Math.min(a, b), Math.max(a, b)))
}

/** ChaCha20 key of the owner's self mask: from b_u (32 bytes) and ("blindsum/v1/self-mask", contextDigest, owner). */
export function selfMaskKey(input: SessionBinding & { readonly seed: Uint8Array; readonly owner: number }): Uint8Array {
  const info = encodeTuple('blindsum/v1/self-mask', input.contextDigest, input.owner)
  return deriveKey({ secret: input.seed, salt: input.rosterDigest, info })
}

function shareKeyInfo(input: { readonly contextDigest: Uint8Array; readonly from: number; readonly to: number }) {
  return encodeTuple('blindsum/v1/share-key', input.contextDigest, input.from, input.to)
}

function agreedKey(input: Agreement & SessionBinding, info: Uint8Array): Uint8Array {
  const secret = agree(input.ownSecret, input.peerPublic)
  const key = deriveKey({ secret, salt: input.rosterDigest, info })
  wipe(secret)
  return key
}
