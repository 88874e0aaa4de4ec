/**
 * SPIFFE IDs: `spiffe://trust-domain/path`, parsed by the full grammar of the SPIFFE-ID standard (§2).
 * In: text from a certificate, a config file or a message. Out: the parsed id, or a code and why it was refused.
 * Nothing is normalised: an id that would need it is refused, so that equal identities are equal strings.
 */

/** A SPIFFE ID. `path` is empty (the trust domain itself) or begins with `/`; `text` is the whole, canonical id. */
export interface SpiffeId {
  readonly trustDomain: string
  readonly path: string
  readonly text: string
}

export type SpiffeIdRefusal =
  | 'spiffe_id_too_long'
  | 'spiffe_id_scheme'
  | 'spiffe_id_trust_domain'
  | 'spiffe_id_path'
  | 'spiffe_id_without_path'

export type SpiffeIdResult =
  | { readonly ok: true; readonly id: SpiffeId }
  | { readonly ok: false; readonly code: SpiffeIdRefusal; readonly message: string }

const SCHEME = 'spiffe://'
const MAX_ID_LENGTH = 2048
const MAX_TRUST_DOMAIN_LENGTH = 255
const TRUST_DOMAIN = /^[a-z0-9._-]+$/
const SEGMENT = /^[A-Za-z0-9._-]+$/

/** True if `text` may name a trust domain: `[a-z0-9._-]`, 1 to 255 characters. */
export function isTrustDomain(text: string): boolean {
  return text.length <= MAX_TRUST_DOMAIN_LENGTH && TRUST_DOMAIN.test(text)
}

/** Parses a SPIFFE ID, with or without a path; at most 2048 characters. */
export function parseSpiffeId(text: string): SpiffeIdResult {
  if (text.length > MAX_ID_LENGTH) {
    return refuse('spiffe_id_too_long', `a SPIFFE ID has at most ${MAX_ID_LENGTH} characters, not ${text.length}`)
  }
  if (!text.startsWith(SCHEME)) {
    return refuse('spiffe_id_scheme', `a SPIFFE ID begins with ${SCHEME}, not ${JSON.stringify(text.slice(0, 40))}`)
  }
  const rest = text.slice(SCHEME.length)
  const slash = rest.indexOf('/')
  const trustDomain = slash < 0 ? rest : rest.slice(0, slash)
  const path = slash < 0 ? '' : rest.slice(slash)
  if (!isTrustDomain(trustDomain)) {
    return refuse(
      'spiffe_id_trust_domain',
      `a trust domain has 1 to 255 of a-z 0-9 . _ - (no port, user or capitals), not ${JSON.stringify(trustDomain.slice(0, 80))}`,
    )
  }
  if (path !== '' && !path.slice(1).split('/').every(isSegment)) {
    return refuse(
      'spiffe_id_path',
      `every segment of a SPIFFE ID's path has one or more of A-Z a-z 0-9 . _ - and is not . or .., not ${JSON.stringify(path.slice(0, 80))}`,
    )
  }
  return { ok: true, id: { trustDomain, path, text } }
}

/** Parses the SPIFFE ID of a workload: one with a path, which alone may authenticate (X509-SVID §5.2). */
export function parseWorkloadId(text: string): SpiffeIdResult {
  const parsed = parseSpiffeId(text)
  if (parsed.ok && parsed.id.path === '') {
    return refuse('spiffe_id_without_path', `${text} names a trust domain; a workload's id has a path after it`)
  }
  return parsed
}

/** True if `text` is the SPIFFE ID of a workload. */
export function isWorkloadId(text: string): boolean {
  return parseWorkloadId(text).ok
}

function isSegment(segment: string): boolean {
  return SEGMENT.test(segment) && segment !== '.' && segment !== '..'
}

function refuse(code: SpiffeIdRefusal, message: string): SpiffeIdResult {
  return { ok: false, code, message }
}
