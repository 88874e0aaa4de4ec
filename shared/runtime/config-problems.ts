/** The problems of a configuration file, a line each. The words for one field are in field-words.ts. */
import type { z } from 'zod'
import { MISSING } from '../field-words.ts'

/** One line per problem: file, field, what is wrong with it. */
export function configProblems(error: z.ZodError, file: string): string[] {
  return error.issues.flatMap(({ path, message }) => {
    const field = path.map(String).join('.')
    if (message === MISSING && field !== '') return [`${file}: ${field} ${MISSING}`]
    return message.split('\n').map((line) => (field === '' ? `${file}: ${line}` : `${file}: ${field}: ${line}`))
  })
}
