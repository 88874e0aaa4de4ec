/** The closed list of codes, read from its source: a code that is not on it is a finding. */
import { readFileSync } from 'node:fs'

const text = readFileSync(new URL('../../shared/protocol/refusal-codes.ts', import.meta.url), 'utf8')
const listed = (type: string) => {
  const part = text.split(`export type ${type} =`)[1]?.split('export type')[0] ?? ''
  return new Set([...part.matchAll(/^ {2}\| '([a-z0-9_]+)'$/gm)].map((match) => match[1] ?? ''))
}

export const REFUSAL_CODES: ReadonlySet<string> = listed('RefusalCode')
export const ABORT_REASONS: ReadonlySet<string> = listed('AbortReason')
