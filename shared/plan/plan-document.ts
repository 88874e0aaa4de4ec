/**
 * The plan document's bytes: canonical JSON (keys sorted, no spaces, UTF-8), so that one plan has one digest. A document
 * whose bytes are not canonical, or that breaks a rule across fields, is refused wherever it is read.
 */
import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { ConfigError } from '../errors.ts'
import { fieldWords, MISSING } from '../field-words.ts'
import { type Plan, planDocument } from './plan.ts'
import { planProblems } from './plan-rules.ts'

/** Deterministic JSON: object keys in code-unit order at every depth, no white space. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`)
    return `{${entries.join(',')}}`
  }
  return JSON.stringify(value)
}

/** The document's bytes. */
export function encodePlan(plan: Plan): Uint8Array {
  return new TextEncoder().encode(canonicalJson(plan))
}

/** SHA-256 of the document's bytes. */
export function planDigest(document: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(document).digest())
}

/**
 * Parses and checks a plan document.
 * @throws ConfigError `bad_plan` with every problem at once.
 */
export function parsePlan(document: Uint8Array): Plan {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(document))
  } catch (cause) {
    throw new ConfigError('bad_plan', 'plan: not a JSON document', { cause })
  }
  const parsed = planDocument.safeParse(json, { error: fieldWords })
  if (!parsed.success) throw new ConfigError('bad_plan', schemaProblems(parsed.error, 'plan'))
  const problems = planProblems(parsed.data)
  if (problems.length > 0) throw new ConfigError('bad_plan', problems)
  if (canonicalJson(parsed.data) !== new TextDecoder('utf-8', { ignoreBOM: true }).decode(document)) {
    throw new ConfigError('bad_plan', 'plan: the document is not in canonical form, so its digest would be ambiguous')
  }
  return parsed.data
}

/** One line per schema problem, with the path of the field. */
export function schemaProblems(error: z.ZodError, root: string): string[] {
  return error.issues.flatMap(({ path, message }) => {
    const field = [root, ...path.map(String)].join('.')
    return message === MISSING ? [`${field} ${MISSING}`] : message.split('\n').map((line) => `${field}: ${line}`)
  })
}
