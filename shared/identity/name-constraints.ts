/**
 * Name constraints of signing certificates (RFC 5280 §4.2.1.10, §6.1.4 g) for the one name form an SVID is known by:
 * the URI. A constraint on any other form is refused rather than ignored, so nothing a CA meant to forbid slips through.
 */
import type { GeneralSubtree, NameConstraints } from '@peculiar/asn1-x509'
import { refuseIf } from './svid-refusal.ts'

/** Refuses unless every one of `trustDomains`, the URI hosts below a signing certificate, satisfies `constraints`. */
export function checkNameConstraints(constraints: NameConstraints, trustDomains: readonly string[]): void {
  const permitted = constraints.permittedSubtrees?.map(uriConstraint)
  const excluded = constraints.excludedSubtrees?.map(uriConstraint) ?? []
  for (const trustDomain of trustDomains) {
    const allowed =
      (permitted === undefined || permitted.some((host) => matches(trustDomain, host))) &&
      !excluded.some((host) => matches(trustDomain, host))
    refuseIf(!allowed, 'name_constraint_violated', `a signing certificate does not permit names in ${trustDomain}`)
  }
}

function uriConstraint(subtree: GeneralSubtree): string {
  const host = subtree.base.uniformResourceIdentifier
  const plain = host !== undefined && subtree.minimum === 0 && subtree.maximum === undefined
  refuseIf(!plain, 'name_constraint_unsupported', 'a signing certificate constrains names other than URIs')
  return (host ?? '').toLowerCase()
}

/** `.example` matches every host below it, `example` exactly itself (RFC 5280 §4.2.1.10). */
function matches(trustDomain: string, host: string): boolean {
  return host.startsWith('.') ? trustDomain.endsWith(host) : trustDomain === host
}
