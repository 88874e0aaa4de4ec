/**
 * What is wrong with a configuration, in the words of the file: which field is missing, which key nobody knows and which
 * one was probably meant.
 */
import { z } from 'zod'

/** The validator's words for one problem, where ours are better. */
export function fieldWords(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') {
    const known = issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : []
    return issue.keys.map((key) => unknownKey(key, known)).join('\n')
  }
  return issue.input === undefined && issue.code.startsWith('invalid_') ? MISSING : undefined
}

/** One line per problem: file, field, what is wrong with it. */
export function configProblems(error: z.ZodError, file: string): string[] {
  return error.issues.flatMap(({ path, message }) => {
    const field = path.map(String).join('.')
    if (message === MISSING && field !== '') return [`${file}: ${field} ${MISSING}`]
    return message.split('\n').map((line) => (field === '' ? `${file}: ${line}` : `${file}: ${field}: ${line}`))
  })
}

const MISSING = 'is missing'

function unknownKey(key: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, distance: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.ceil(name.length / 3))
    .sort((a, b) => a.distance - b.distance)[0]
  return near === undefined
    ? `unknown key "${key}"; known here: ${known.join(', ')}`
    : `unknown key "${key}"; did you mean ${near.name}?`
}

/** Insertions, deletions and replacements from `a` to `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
