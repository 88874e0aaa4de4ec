/** A broken promise of the protocol, by the name of the promise. Thrown where it is seen, caught by whoever runs the list. */
export type Promised =
  | 'sets_shrink'
  | 'sets_fixed'
  | 'one_kind_of_share'
  | 'one_masked_input'
  | 'recorded_first'
  | 'said_once'
  | 'journal_contradicted'
  | 'folded_once'
  | 'exact_sum'
  | 'named_nobody'
  | 'refused_honestly'
  | 'closes_by_the_rule'
  | 'ends'
  | 'stored_form'
  | 'replayed'
  | 'nothing_thrown'

export class Finding extends Error {
  readonly promise: Promised

  constructor(promise: Promised, message: string) {
    super(`${promise}: ${message}`)
    this.name = 'Finding'
    this.promise = promise
  }
}

/** Throws the finding when the promise is broken. */
export function promised(promise: Promised, isKept: boolean, message: () => string): void {
  if (!isKept) throw new Finding(promise, message())
}
