/** The demo's sites and trust domain: names, SPIFFE IDs, and how many of them may be assumed to collude. */

export const TRUST_DOMAIN = 'demo.blindsum.test'
export const COORDINATOR_ID = `spiffe://${TRUST_DOMAIN}/coordinator`
export const OPERATOR_ID = `spiffe://${TRUST_DOMAIN}/operator/ada`

export const SITE_NAMES: readonly string[] = [
  'north',
  'south',
  'east',
  'west',
  'center',
  'coast',
  'valley',
  'island',
  'harbour',
  'plateau',
  'delta',
  'forest',
]

export function siteId(name: string): string {
  return `spiffe://${TRUST_DOMAIN}/site/${name}`
}

/**
 * γ for a plan with so many sites: 0.2 where that leaves enough presumed honest ones even while a site is away. The
 * complete graph needs fewer than a third of those present to collude, and three honest ones must remain.
 */
export function gammaFor(sites: number): number {
  const present = sites - 1
  const usual = Math.ceil(0.2 * sites)
  const most = Math.max(0, Math.min(usual, Math.ceil(present / 3) - 1, present - 3))
  return most === usual ? 0.2 : Math.floor((100 * most) / sites) / 100
}
