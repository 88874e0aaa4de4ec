/** The closed lists of codes, read from their source, against what the code raises. */
import type { Mutant } from './find-refusals.ts'
import { codeOnly } from './source-text.ts'

/** Where each list stands: its file and the name of its type. */
export const CODE_LISTS: readonly { readonly file: string; readonly type: string }[] = [
  { file: 'shared/protocol/refusal-codes.ts', type: 'RefusalCode' },
  { file: 'shared/protocol/refusal-codes.ts', type: 'AbortReason' },
  { file: 'shared/identity/svid-refusal.ts', type: 'SvidRefusal' },
]

/** The members of a union of string literals. */
export function unionMembers(source: string, type: string): string[] {
  const code = codeOnly(source)
  const start = code.indexOf(`type ${type} =`)
  if (start < 0) throw new Error(`no type ${type} in its file`)
  const members: string[] = []
  let at = code.indexOf('=', start) + 1
  for (;;) {
    const next = /^[\s|]*'/.exec(code.slice(at))
    if (next === null) return members
    const from = at + next[0].length
    at = code.indexOf("'", from) + 1
    members.push(source.slice(from, at - 1))
  }
}

/** What is wrong between the codes and the refusals that were found, a sentence each. */
export function codeProblems(
  codes: readonly string[],
  mutants: readonly Mutant[],
  sources: readonly string[],
): string[] {
  const problems: string[] = []
  const refusals = mutants.filter(({ kind }) => kind !== 'verdict').length
  if (refusals < codes.length) problems.push(`${refusals} refusals were found for ${codes.length} codes`)
  const raised = new Set(mutants.flatMap(({ code }) => code.split('|')))
  const quoted = new Set(sources.flatMap((source) => [...source.matchAll(/'([a-z0-9_]+)'/g)].map((match) => match[1])))
  for (const code of codes) {
    if (!raised.has(code) && !quoted.has(code)) problems.push(`the code ${code} is raised nowhere`)
  }
  return problems
}
