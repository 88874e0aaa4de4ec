/**
 * Signs the provenance of model versions. Goes in: version records. Comes out: bundle files that anyone can verify with
 * the public key. What must never leave: the private key, which lives in one file that only the coordinator can read.
 */
import { sign } from 'node:crypto'
import { buildStatement } from '../../shared/provenance/build-statement.ts'
import { encodeBundle } from '../../shared/provenance/bundle.ts'
import { IN_TOTO_PAYLOAD_TYPE, preAuthEncoding } from '../../shared/provenance/dsse.ts'
import { encodeStatement } from '../../shared/provenance/statement.ts'
import type { VersionRecord } from '../../shared/provenance/version-record.ts'
import { loadOrCreateKey } from './key-file.ts'

export interface Signer {
  /** SPKI PEM, as it stands in `publicKeyFile`. */
  readonly publicKeyPem: string
  readonly publicKeyFile: string
  /** Hex SHA-256 of the PEM text: what bundles carry to name the key. */
  readonly keyHint: string
  /** The provenance bundle of one version: file bytes, different each time (ECDSA is randomised), so keep them. */
  readonly signVersion: (record: VersionRecord) => Uint8Array
}

/**
 * Loads the ECDSA P-256 key in `keyFile` (PKCS#8 PEM, mode 0600) or makes one there, with the public key beside it
 * (`signer.pem` → `signer.pub.pem`). Throws ConfigError `bad_signing_key` for a key of another kind, or one that others
 * can read.
 *
 * @example
 * const signer = createSigner({ keyFile: 'data/provenance-key.pem' })
 * const bundle = signer.signVersion(record)
 */
export function createSigner(options: { readonly keyFile: string }): Signer {
  const { privateKey, publicKeyPem, publicKeyFile, keyHint } = loadOrCreateKey(options.keyFile)
  return {
    publicKeyPem,
    publicKeyFile,
    keyHint,
    signVersion: (record) => {
      const payload = encodeStatement(buildStatement(record))
      const signature = new Uint8Array(sign('sha256', preAuthEncoding(IN_TOTO_PAYLOAD_TYPE, payload), privateKey))
      return encodeBundle({ keyHint, envelope: { payloadType: IN_TOTO_PAYLOAD_TYPE, payload, signature } })
    },
  }
}
