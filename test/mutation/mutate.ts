/** Makes the source of one mutant, and makes sure that it is still a program. */
import { stripTypeScriptTypes } from 'node:module'
import type { Mutant } from './find-refusals.ts'

/** The source with this one refusal taken out. Throws when what is left cannot be parsed: it would be killed by that. */
export function mutate(source: string, mutant: Mutant): string {
  const mutated = [...mutant.edits]
    .reverse()
    .reduce((text, { from, to, text: put }) => text.slice(0, from) + put + text.slice(to), source)
  try {
    stripTypeScriptTypes(mutated)
  } catch (cause) {
    throw new Error(`${mutant.file}:${mutant.line} cannot be taken out: the rest does not parse`, { cause })
  }
  return mutated
}
