/** The key every statement of a chain must be signed with: ECDSA P-256, given by whoever verifies, never by the folder. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { sha256Hex } from '../../crypto/digest.ts'
import { ConfigError } from '../../errors.ts'

export interface ProvenanceKey {
  readonly key: KeyObject
  /** Hex SHA-256 of the SPKI PEM text with its final newline. */
  readonly hint: string
}

/** Reads an SPKI PEM file's text. Throws ConfigError `bad_public_key` for anything but a public P-256 key. */
export function parseProvenanceKey(pem: string): ProvenanceKey {
  if (!pem.trimStart().startsWith('-----BEGIN PUBLIC KEY-----')) {
    throw new ConfigError('bad_public_key', 'the key is not a PEM file that begins with "-----BEGIN PUBLIC KEY-----"')
  }
  let key: KeyObject
  try {
    key = createPublicKey({ key: pem, format: 'pem' })
  } catch (cause) {
    throw new ConfigError('bad_public_key', 'the key is not a readable public key', { cause })
  }
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (key.asymmetricKeyType !== 'ec' || curve !== 'prime256v1') {
    const found = [key.asymmetricKeyType, curve].filter(Boolean).join(' ')
    throw new ConfigError('bad_public_key', `provenance is signed with ECDSA P-256 keys, this one is ${found}`)
  }
  // Written again, so that line ends of the file at hand do not change the hint.
  const spki = key.export({ type: 'spki', format: 'pem' }).toString()
  return { key, hint: sha256Hex(new TextEncoder().encode(spki)) }
}
