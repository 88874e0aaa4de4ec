/**
 * Reads one identity from files and checks that it would be accepted by others. In: paths from a config. Out: a
 * WorkloadIdentity, or a ConfigError that says what is wrong, why and what to do.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { ConfigError } from '../errors.ts'
import { certificatesFromPem } from '../identity/pem.ts'
import { authorityProblem, parseTrustBundle, type TrustBundle } from '../identity/trust-bundle.ts'
import { MAX_CHAIN_CERTIFICATES, validateSvid } from '../identity/validate-svid.ts'
import type { WorkloadIdentity } from './identity-source.ts'

/**
 * Paths of an identity: `certificate` a PEM chain, `privateKey` PEM, `trustBundle` a SPIFFE bundle (JSON) or PEM
 * authorities. `trustDomain` is the one it must be in; without it, the certificate's own.
 */
export interface IdentityFiles {
  readonly certificate: string
  readonly privateKey: string
  readonly trustBundle: string
  readonly trustDomain?: string
}

const MAX_FILE_BYTES = 1024 * 1024
const READABLE_BY_ALL = 0o004

/** Reads and checks the files as they are at `nowMs`. Throws ConfigError with a code per fault. */
export function loadIdentity(files: IdentityFiles, nowMs: number): WorkloadIdentity {
  const chain = readChain(files.certificate)
  const privateKey = readPrivateKey(files)
  const trustDomain = files.trustDomain ?? ownTrustDomain(files.certificate, chain)
  const bundle = readTrustBundle(files.trustBundle, trustDomain)
  const verdict = validateSvid(chain, bundle, nowMs)
  if (!verdict.ok) {
    const advice =
      verdict.code === 'expired' ? 'ask for a new one' : 'check that it and the trust bundle belong together'
    throw new ConfigError(
      `certificate_${verdict.code}`,
      `${files.certificate} would be refused by everybody (${verdict.code}): ${verdict.message}; ${advice} (${files.trustBundle})`,
    )
  }
  return { spiffeId: verdict.spiffeId, chain, privateKey, bundle, notAfterMs: verdict.notAfterMs }
}

/** Reads a trust bundle file for `trustDomain`: JSON as SPIFFE defines it, or the authorities as PEM. */
export function readTrustBundle(path: string, trustDomain: string): TrustBundle {
  const text = readText(path, 'trust bundle')
  if (text.trimStart().startsWith('-----BEGIN')) {
    const authorities = certificatesFromPem(text)
    const problem = authorities.map(authorityProblem).find((found) => found !== null)
    if (problem) throw new ConfigError('trust_bundle_invalid', `${path}: a certificate in it ${problem}`)
    return { trustDomain, authorities, sequence: null, refreshHintSeconds: null }
  }
  const parsed = parseTrustBundle(text, trustDomain)
  if (!parsed.ok) throw new ConfigError(parsed.code, `${path}: ${parsed.message}`)
  return parsed.bundle
}

function readChain(path: string): readonly Uint8Array[] {
  const chain = certificatesFromPem(readText(path, 'certificate'))
  if (chain.length >= 1 && chain.length <= MAX_CHAIN_CERTIFICATES) return chain
  const problem = `${path} holds ${chain.length} PEM certificates; expected a chain of 1 to ${MAX_CHAIN_CERTIFICATES}, the workload's first`
  throw new ConfigError('certificate_unreadable', problem)
}

function readPrivateKey({ certificate, privateKey: path }: IdentityFiles): KeyObject {
  const text = readText(path, 'private key')
  if (process.platform !== 'win32' && (statSync(path).mode & READABLE_BY_ALL) !== 0) {
    const problem = `${path} can be read by every user of this machine; take that right away, for example: chmod 600 ${path}`
    throw new ConfigError('private_key_exposed', problem)
  }
  let key: KeyObject
  try {
    key = createPrivateKey(text)
  } catch (cause) {
    throw new ConfigError('private_key_unreadable', `${path} is not an unencrypted PEM private key`, { cause })
  }
  if (leafOf(certificate).checkPrivateKey(key)) return key
  const problem = `${path} is not the private key of ${certificate}; the two must be issued together`
  throw new ConfigError('private_key_mismatch', problem)
}

function ownTrustDomain(path: string, chain: readonly Uint8Array[]): string {
  const names = chain[0] === undefined ? '' : (new X509Certificate(chain[0]).subjectAltName ?? '')
  const trustDomain = /(?:^|, )URI:spiffe:\/\/([a-z0-9._-]+)/.exec(names)?.[1]
  if (trustDomain !== undefined) return trustDomain
  const problem = `${path} names no SPIFFE ID, so it cannot identify a workload; ask for an X.509-SVID`
  throw new ConfigError('certificate_uri_san_missing', problem)
}

function leafOf(path: string): X509Certificate {
  try {
    return new X509Certificate(readFileSync(path))
  } catch (cause) {
    throw new ConfigError('certificate_unreadable', `${path} holds no readable certificate`, { cause })
  }
}

function readText(path: string, what: string): string {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new Error('it is larger than 1 MiB')
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError('identity_file_unreadable', `cannot read the ${what} ${path}: ${why}`, { cause })
  }
}
