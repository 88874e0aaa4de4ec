/**
 * The embedded authority on disk, as `blindsum ca` uses it. A folder holds `authority.pem`, `authority.key` (0600) and
 * `bundle.json`; what is issued goes into a folder per workload: `svid.pem` (chain), `svid.key` (0600), `bundle.json`.
 * Every fault a person can mend is a ConfigError that says what, why and what to do.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../errors.ts'
import { certificatesFromPem, certificatesToPem } from '../identity/pem.ts'
import { isTrustDomain, parseWorkloadId } from '../identity/spiffe-id.ts'
import { encodeTrustBundle } from '../identity/trust-bundle.ts'
import { createFile, replaceFile } from './atomic-file.ts'
import {
  AUTHORITY_WARNING,
  type Authority,
  authorityBundle,
  createAuthority,
  DEFAULT_SVID_LIFETIME_MS,
  signSvid,
} from './authority.ts'

/** What a command prints about an authority. */
export interface AuthoritySummary {
  readonly trustDomain: string
  readonly folder: string
  readonly bundlePath: string
  readonly notAfterMs: number
  /** SHA-256 of the root certificate, upper-case hex pairs with colons. */
  readonly fingerprint: string
  readonly warning: string
}

/** What a command prints about an issued certificate. */
export interface IssuedSvid {
  readonly spiffeId: string
  readonly certificatePath: string
  readonly privateKeyPath: string
  readonly bundlePath: string
  readonly notAfterMs: number
  readonly warning: string
}

/** A certificate lives a minute at least and 90 days at most: it is renewed, never revoked. */
const LIFETIME_BOUNDS_MS = { min: 60_000, max: 90 * 24 * 3_600_000 }

/** Makes a new authority in `folder`. Throws ConfigError `trust_domain_invalid` or `authority_exists`. */
export async function initAuthority(request: {
  readonly folder: string
  readonly trustDomain: string
}): Promise<AuthoritySummary> {
  const { folder, trustDomain } = request
  if (!isTrustDomain(trustDomain)) {
    const problem = `${JSON.stringify(trustDomain)} is not a trust domain: use 1 to 255 of a-z 0-9 . _ -, such as demo.example`
    throw new ConfigError('trust_domain_invalid', problem)
  }
  const paths = pathsIn(folder)
  const exists = `${folder} already holds an authority; replacing it would invalidate every identity it issued, so choose another folder or remove this one yourself`
  if (existsSync(paths.key) || existsSync(paths.certificate)) throw new ConfigError('authority_exists', exists)
  const authority = await createAuthority({ trustDomain, nowMs: Date.now() })
  makeFolder(folder)
  try {
    createFile(paths.key, privatePem(authority.privateKey), 0o600)
    createFile(paths.certificate, certificatesToPem([authority.certificate]), 0o644)
  } catch (cause) {
    if (isErrno(cause, 'EEXIST')) throw new ConfigError('authority_exists', exists, { cause })
    throw unwritable(folder, cause)
  }
  replaceFile(paths.bundle, encodeTrustBundle(authorityBundle(authority)), 0o644)
  return summary(folder, authority)
}

/**
 * Issues a certificate with a fresh P-256 key into the folder `out`, in place of an earlier one. The workload is named by
 * `spiffeId`, or by `path` in the authority's trust domain (`/site/north`).
 */
export async function issueSvid(request: {
  readonly folder: string
  readonly spiffeId?: string
  readonly path?: string
  readonly lifetimeMs?: number
  readonly out: string
}): Promise<IssuedSvid> {
  const { folder, out, lifetimeMs = DEFAULT_SVID_LIFETIME_MS } = request
  const authority = readAuthority(folder)
  const spiffeId = request.spiffeId ?? `spiffe://${authority.trustDomain}${request.path ?? ''}`
  checkRequest(authority, spiffeId, lifetimeMs)
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = await signSvid({ authority, spiffeId, publicKey: keys.publicKey, nowMs: Date.now(), lifetimeMs })
  makeFolder(out)
  const [certificatePath, privateKeyPath, bundlePath] = ['svid.pem', 'svid.key', 'bundle.json'].map((name) =>
    join(out, name),
  ) as [string, string, string]
  try {
    replaceFile(privateKeyPath, privatePem(keys.privateKey), 0o600)
    replaceFile(certificatePath, certificatesToPem([certificate]), 0o644)
    replaceFile(bundlePath, encodeTrustBundle(authorityBundle(authority)), 0o644)
  } catch (cause) {
    throw unwritable(out, cause)
  }
  const notAfterMs = new X509Certificate(certificate).validToDate.getTime()
  return { spiffeId, certificatePath, privateKeyPath, bundlePath, notAfterMs, warning: AUTHORITY_WARNING }
}

/** Says whose authority lies in `folder` and how long it lives. */
export function showAuthority(request: { readonly folder: string }): AuthoritySummary {
  return summary(request.folder, readAuthority(request.folder))
}

function readAuthority(folder: string): Authority {
  const paths = pathsIn(folder)
  try {
    const [certificate] = certificatesFromPem(readFileSync(paths.certificate, 'utf8'))
    const privateKey = createPrivateKey(readFileSync(paths.key))
    if (certificate === undefined) throw new Error(`${paths.certificate} holds no certificate`)
    const x509 = new X509Certificate(certificate)
    if (!x509.checkPrivateKey(privateKey)) throw new Error(`${paths.key} is not the key of ${paths.certificate}`)
    const trustDomain = /^URI:spiffe:\/\/([a-z0-9._-]+)$/.exec(x509.subjectAltName ?? '')?.[1]
    if (trustDomain === undefined) throw new Error(`${paths.certificate} names no trust domain`)
    return { trustDomain, certificate, privateKey }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const problem = `no authority can be read in ${folder}: ${why}; make one with: blindsum ca init`
    throw new ConfigError('authority_unreadable', problem, { cause })
  }
}

function checkRequest(authority: Authority, spiffeId: string, lifetimeMs: number): void {
  const problems: string[] = []
  const parsed = parseWorkloadId(spiffeId)
  if (!parsed.ok) problems.push(`cannot issue for ${JSON.stringify(spiffeId)}: ${parsed.message}`)
  else if (parsed.id.trustDomain !== authority.trustDomain) {
    problems.push(`cannot issue for ${spiffeId}: this authority speaks for spiffe://${authority.trustDomain}/ only`)
  }
  if (!(lifetimeMs >= LIFETIME_BOUNDS_MS.min && lifetimeMs <= LIFETIME_BOUNDS_MS.max)) {
    problems.push(`a certificate lives one minute to 90 days, not ${lifetimeMs / 1000} seconds`)
  }
  const endsMs = new X509Certificate(authority.certificate).validToDate.getTime()
  if (endsMs <= Date.now())
    problems.push(`the authority itself expired at ${new Date(endsMs).toISOString()}; make a new one`)
  if (problems.length > 0) throw new ConfigError('svid_request_invalid', problems)
}

function summary(folder: string, authority: Authority): AuthoritySummary {
  const x509 = new X509Certificate(authority.certificate)
  return {
    trustDomain: authority.trustDomain,
    folder,
    bundlePath: pathsIn(folder).bundle,
    notAfterMs: x509.validToDate.getTime(),
    fingerprint: x509.fingerprint256,
    warning: AUTHORITY_WARNING,
  }
}

function pathsIn(folder: string): { readonly certificate: string; readonly key: string; readonly bundle: string } {
  return {
    certificate: join(folder, 'authority.pem'),
    key: join(folder, 'authority.key'),
    bundle: join(folder, 'bundle.json'),
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw unwritable(folder, cause)
  }
}

function unwritable(folder: string, cause: unknown): ConfigError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new ConfigError('folder_unwritable', `cannot write into ${folder}: ${why}`, { cause })
}

function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
