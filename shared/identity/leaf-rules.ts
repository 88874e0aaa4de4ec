/**
 * The rules a certificate must meet to authenticate a workload (X509-SVID §2–§5). In: the leaf's facts. Out: its
 * SPIFFE ID, or a thrown `Refusal`. Nothing here trusts the certificate yet: that is the path's part.
 */
import type { CertificateFacts } from './certificate.ts'
import { parseWorkloadId, type SpiffeId } from './spiffe-id.ts'
import { Refusal, refuseIf } from './svid-refusal.ts'

export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

/** Returns the SPIFFE ID a leaf claims, after every check that needs the leaf alone. */
export function checkLeaf(leaf: CertificateFacts): SpiffeId {
  const usage = leaf.keyUsage
  const extended = leaf.extendedKeyUsage
  refuseIf(leaf.basicConstraints?.ca === true, 'leaf_is_ca', 'a CA certificate must not authenticate a workload')
  if (usage === null) throw new Refusal('key_usage_missing', 'the certificate states no key usage')
  refuseIf(!usage.critical, 'key_usage_not_critical', 'the key usage of the certificate is not critical')
  refuseIf(!usage.uses.has('digitalSignature'), 'leaf_key_usage', 'the certificate may not be used for signatures')
  const signsCertificates = usage.uses.has('keyCertSign') || usage.uses.has('crlSign')
  refuseIf(signsCertificates, 'leaf_key_usage', 'a workload certificate must not sign certificates or CRLs')
  const bothUses = extended === null || (extended.has(SERVER_AUTH) && extended.has(CLIENT_AUTH))
  refuseIf(!bothUses, 'extended_key_usage', 'the extended key usage lacks server or client authentication')
  refuseIf(leaf.nameConstraints !== null, 'leaf_constrains_names', 'only signing certificates may constrain names')
  return onlySpiffeId(leaf)
}

function onlySpiffeId(leaf: CertificateFacts): SpiffeId {
  const uris = leaf.san?.uris ?? []
  const [uri] = uris
  if (uri === undefined) throw new Refusal('uri_san_missing', 'the certificate names no SPIFFE ID (no URI name)')
  refuseIf(uris.length > 1, 'uri_san_not_single', `the certificate has ${uris.length} URI names, not one`)
  const parsed = parseWorkloadId(uri)
  if (!parsed.ok) {
    const code = parsed.code === 'spiffe_id_without_path' ? parsed.code : 'spiffe_id_invalid'
    throw new Refusal(code, parsed.message)
  }
  const hidden = leaf.subjectEmpty && leaf.san?.critical !== true
  refuseIf(hidden, 'san_not_critical', 'the subject is empty, so the subject alternative name must be critical')
  return parsed.id
}
