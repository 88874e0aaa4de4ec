/**
 * A verification is a chain of links, followed in order until one breaks. Each check breaks its link through one
 * function, with a stable code; nothing after a broken link is looked at, because nothing vouches for it any more.
 */

/** Every way a link can break. Stable: scripts read them. */
export type LinkCode =
  // files
  | 'file_missing'
  | 'unexpected_file'
  // provenance: one statement and its signature
  | 'bundle_malformed'
  | 'wrong_key'
  | 'bad_signature'
  | 'statement_malformed'
  // lineage: one statement and the one that names it as parent
  | 'parent_provenance_differs'
  | 'parent_model_differs'
  | 'version_out_of_order'
  | 'run_differs'
  | 'builder_differs'
  | 'plan_differs'
  | 'times_implausible'
  // model and plan
  | 'model_differs'
  | 'plan_malformed'
  | 'initial_model_differs'
  | 'aggregation_differs'
  // session
  | 'session_record_differs'
  | 'session_record_malformed'
  | 'context_differs'
  | 'roster_differs'
  | 'survivors_differ'
  | 'cohort_too_small'
  | 'quorum_refused'
  // receipts and certificates
  | 'receipts_differ'
  | 'entry_off_roster'
  | 'not_enrolled'
  | 'contribution_refused'
  | 'trust_domain_differs'
  | 'certificate_refused'
  | 'advertisement_refused'
  | 'receipts_not_checked'

export type LinkName = 'provenance' | 'folder' | 'model' | 'plan' | 'lineage' | 'session' | 'receipts' | 'certificates'

/** One link of the chain and what was found. `code` is null exactly when `ok`. */
export interface Link {
  readonly name: LinkName
  /** The version it belongs to; null for what belongs to the whole folder before any version is known. */
  readonly version: number | null
  readonly ok: boolean
  readonly code: LinkCode | null
  readonly detail: string
}

/** Ends the walk; caught by {@link followLinks}. */
class BrokenLink extends Error {
  readonly code: LinkCode

  constructor(code: LinkCode, detail: string) {
    super(detail)
    this.name = 'BrokenLink'
    this.code = code
  }
}

/** Breaks the link at hand when `condition` holds: what was expected and what came, with ids and digests. */
export function breakIf(condition: boolean, code: LinkCode, detail: string): void {
  if (condition) throw new BrokenLink(code, detail)
}

/** {@link breakIf} for checks that have nothing to go on with. */
export function broken(code: LinkCode, detail: string): never {
  throw new BrokenLink(code, detail)
}

/** What a link that holds hands to the next, and what to say of it. */
export interface Holds<T> {
  readonly value: T
  readonly detail: string
}

/** Follows one link: records that it holds and returns its value, or records the break and ends the walk. */
export type Follow = <T>(name: LinkName, version: number | null, check: () => Holds<T>) => T

/**
 * Walks a chain of links, telling `onLink` of each as it is found. Returns every link looked at; the last one alone can
 * be broken.
 */
export function followLinks(walk: (follow: Follow) => void, onLink: (link: Link) => void): readonly Link[] {
  const links: Link[] = []
  const found = (link: Link) => {
    links.push(link)
    onLink(link)
  }
  const follow: Follow = (name, version, check) => {
    try {
      const { value, detail } = check()
      found({ name, version, ok: true, code: null, detail })
      return value
    } catch (error) {
      if (error instanceof BrokenLink) {
        found({ name, version, ok: false, code: error.code, detail: error.message })
      }
      throw error
    }
  }
  try {
    walk(follow)
  } catch (error) {
    if (!(error instanceof BrokenLink)) throw error
  }
  return links
}
