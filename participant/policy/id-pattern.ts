/** Whom a policy names: SPIFFE IDs, exact, or patterns ending in `/*` for everything below. Pure. */
import { z } from 'zod'
import { isWorkloadId } from '../../shared/identity/spiffe-id.ts'

/** `spiffe://domain/path`, exact, or `spiffe://domain/path/*`, or `spiffe://domain/*`. */
export const idPattern = z
  .string()
  .refine((text) => isWorkloadId(text.replace(/\/\*$/, '/any')), 'not a SPIFFE ID, nor one ending in /*')

/** True if one of `patterns` names `spiffeId`. */
export function isNamed(patterns: readonly string[], spiffeId: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('/*') ? spiffeId.startsWith(pattern.slice(0, -1)) : spiffeId === pattern,
  )
}

/** Those of `patterns` that name workloads of `trustDomain`. */
export function patternsIn(patterns: readonly string[], trustDomain: string): string[] {
  return patterns.filter((pattern) => pattern.startsWith(`spiffe://${trustDomain}/`))
}
