/**
 * The few error classes of the whole system. A class says whose fault it was; the stable lower_snake `code` says what.
 * Messages give what was expected and what came, with ids and lengths, never bytes.
 */

/** A file, option, plan or data set that a person can mend. Carries every problem found at once. */
export class ConfigError extends Error {
  readonly code: string
  readonly problems: readonly string[]

  constructor(code: string, problems: string | readonly string[], options?: ErrorOptions) {
    const list = typeof problems === 'string' ? [problems] : problems
    super(list.join('\n'), options)
    this.name = 'ConfigError'
    this.code = code
    this.problems = list
  }
}

/** Our own bug: a state that the code above promised could not be reached. */
export class InvariantError extends Error {
  readonly code = 'invariant_broken'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'InvariantError'
  }
}

/** Throws an {@link InvariantError} unless `condition` holds. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

/** Marks a branch that the type system has proved unreachable; `switch` statements over unions end in it. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable case: ${JSON.stringify(value)}`)
}
