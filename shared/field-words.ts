/**
 * What is wrong with a field, in the words of the file it stands in: what it must be and what was found, what is missing,
 * which key nobody knows and which one was probably meant. For files that people write and for documents from elsewhere, so
 * long names are cut and nothing of a value is repeated but a number.
 */
import { z } from 'zod'

export const MISSING = 'is missing'

/** The validator's words for one problem, where ours are better; the caller adds the field. Several lines for several keys. */
export function fieldWords(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined && issue.code.startsWith('invalid_')) return MISSING
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownKeys(issue.keys, issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : [])
    case 'invalid_type':
      return `must be ${WANTED[issue.expected] ?? issue.expected}, not ${found(issue.input)}`
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`
    case 'too_small':
      return bound(issue, issue.minimum, issue.inclusive === false ? 'more than' : 'at least')
    case 'too_big':
      return bound(issue, issue.maximum, issue.inclusive === false ? 'less than' : 'at most')
    default:
      return undefined
  }
}

const WANTED: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'a section with keys of its own',
  record: 'a section with keys of its own',
  string: 'text',
}

function found(input: unknown): string {
  if (input === null) return 'empty'
  if (Array.isArray(input)) return 'a list'
  if (typeof input === 'number' || typeof input === 'bigint') return String(input)
  if (typeof input === 'boolean') return String(input)
  return typeof input === 'object' ? 'a section' : 'text'
}

function bound(
  { origin, input }: { readonly origin: string; readonly input: unknown },
  limit: number | bigint,
  words: string,
): string {
  if (Array.isArray(input)) return `must have ${words} ${counted(limit, 'entry', 'entries')}, not ${input.length}`
  if (typeof input === 'string') {
    return `must have ${words} ${counted(limit, 'character', 'characters')}, not ${input.length}`
  }
  return `must be ${words} ${limit}, not ${origin === 'date' ? 'this date' : found(input)}`
}

function counted(count: number | bigint, one: string, many: string): string {
  return `${count} ${Number(count) === 1 ? one : many}`
}

const KEYS_NAMED = 10
const LONGEST_NAME = 64

/** One line per key; of many only the first, for a document may hold any number of them. */
function unknownKeys(keys: readonly string[], known: readonly string[]): string {
  const lines = keys.slice(0, KEYS_NAMED).map((key) => unknownKey(key, known))
  return [...lines, ...(keys.length > KEYS_NAMED ? [`${keys.length - KEYS_NAMED} more unknown keys`] : [])].join('\n')
}

function unknownKey(key: string, known: readonly string[]): string {
  if (key.length > LONGEST_NAME) return `unknown key of ${key.length} characters; known here: ${known.join(', ')}`
  const near = known
    .map((name) => ({ name, distance: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.ceil(name.length / 3))
    .sort((a, b) => a.distance - b.distance)[0]
  const shown = JSON.stringify(key)
  return near === undefined
    ? `unknown key ${shown}; known here: ${known.join(', ')}`
    : `unknown key ${shown}; did you mean ${near.name}?`
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
