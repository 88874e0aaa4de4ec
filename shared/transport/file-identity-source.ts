/**
 * An identity kept in files that something else renews (`blindsum ca issue`, a SPIFFE helper, a mounted secret). The
 * files are looked at every few seconds; a new set counts only when all of it fits together, so a swap caught half done
 * changes nothing and is looked at again.
 */
import { statSync } from 'node:fs'
import { ConfigError } from '../errors.ts'
import type { IdentitySource, WorkloadIdentity } from './identity-source.ts'
import { type IdentityFiles, loadIdentity } from './load-identity.ts'

const DEFAULT_POLL_MS = 3000
/** The first failure may be a swap half done; the second is a fault to report, once per state of the files. */
const FAILURES_BEFORE_REPORT = 2

/**
 * Loads the identity now (throws ConfigError if it cannot be used) and follows its files. `onProblem` hears why a changed
 * set was not taken; the last good identity stays.
 */
export function fileIdentitySource(
  files: IdentityFiles,
  options: { readonly pollMs?: number; readonly onProblem?: (problem: ConfigError) => void } = {},
): IdentitySource {
  const listeners = new Set<(identity: WorkloadIdentity) => void>()
  let taken = fingerprint(files)
  let identity = loadIdentity(files, Date.now())
  const failed = { mark: '', times: 0 }
  const look = () => {
    const found = fingerprint(files)
    if (found === taken) return
    try {
      identity = loadIdentity(files, Date.now())
    } catch (error) {
      failed.times = failed.mark === found ? failed.times + 1 : 1
      failed.mark = found
      if (failed.times === FAILURES_BEFORE_REPORT) options.onProblem?.(asConfigError(error))
      return
    }
    taken = found
    for (const listener of [...listeners]) listener(identity)
  }
  const timer = setInterval(look, options.pollMs ?? DEFAULT_POLL_MS)
  timer.unref()
  return {
    current: () => identity,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => {
      clearInterval(timer)
      listeners.clear()
    },
  }
}

/** What tells one state of the files from another without reading them; a missing file has its own mark. */
function fingerprint(files: IdentityFiles): string {
  const marks = [files.certificate, files.privateKey, files.trustBundle].map((path) => {
    const found = statSync(path, { throwIfNoEntry: false, bigint: true })
    return found ? `${found.ino}:${found.size}:${found.mtimeNs}` : 'absent'
  })
  return marks.join(' ')
}

function asConfigError(error: unknown): ConfigError {
  if (error instanceof ConfigError) return error
  const why = error instanceof Error ? error.message : String(error)
  return new ConfigError('identity_file_unreadable', `cannot read the renewed identity: ${why}`, { cause: error })
}
