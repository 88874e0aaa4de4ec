/** Why a site is not ready for a round: a code that is reported, and words for the coordinator and the site's log. */
import { ConfigError } from '../shared/errors.ts'
import { CallRefused } from './calls.ts'
import { StorageFailure } from './storage-failure.ts'

export class NotReady extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'NotReady'
    this.code = code
  }
}

/** What is reported of an error: of one that nobody foresaw, that there was one. */
export function reasonOf(error: unknown): { readonly code: string; readonly message: string } {
  const isReason =
    error instanceof NotReady ||
    error instanceof CallRefused ||
    error instanceof ConfigError ||
    error instanceof StorageFailure
  if (isReason) return { code: error.code, message: error.message }
  return { code: 'participant_failed', message: 'the agent failed; its log says why' }
}
