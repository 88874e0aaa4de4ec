/** One thing that was looked at in a data folder, and what was found. */
export interface FolderFinding {
  readonly check: string
  /** `noted` is worth knowing and loses nothing. */
  readonly verdict: 'ok' | 'noted' | 'broken'
  readonly detail: string
  /** One line each, all of them; empty when there is nothing to say. */
  readonly problems: readonly string[]
}

export function finding(check: string, detail: string, problems: readonly string[] = []): FolderFinding {
  return { check, verdict: problems.length === 0 ? 'ok' : 'broken', detail, problems }
}

/** Something to know that breaks nothing, such as files that nobody names. */
export function noted(check: string, detail: string, problems: readonly string[] = []): FolderFinding {
  return { check, verdict: problems.length === 0 ? 'ok' : 'noted', detail, problems }
}
