/**
 * What may happen to a federation, as plain data: a list of operations is a test case that can be printed, shrunk and kept.
 * Sites are named by their place, counted from 0 and taken modulo the size, so that any list is a legal one.
 */

/**
 * What the network does with the next message of a site that acts. `cut` loses it too, but half an upload has arrived by
 * then; `unanswered` loses the response after the coordinator has taken it; `copied` delivers it and keeps a copy to arrive
 * again; `held` keeps it and tells the sender nothing. Whatever is not answered stays under way at its site.
 */
export type Fate = 'arrives' | 'lost' | 'cut' | 'unanswered' | 'copied' | 'held'

export type Operation =
  /** The coordinator's present instruction reaches the site, which acts on it. */
  | { readonly does: 'hear'; readonly site: number; readonly fate: Fate }
  /** What the site has under way is tried again. */
  | { readonly does: 'retry'; readonly site: number; readonly fate: Fate }
  /** The present instruction is lost on its way down; it may be recalled. */
  | { readonly does: 'miss'; readonly site: number }
  /** An instruction of before reaches the site once more: the one told so many before the last. */
  | { readonly does: 'recall'; readonly site: number; readonly back: number }
  /** A message that the network kept arrives, whatever its stage is by now; `again` keeps it for another time. */
  | { readonly does: 'arrive'; readonly place: number; readonly again: boolean }
  /** The site hears the present instruction, does the first so many things of what follows, and loses its memory. */
  | { readonly does: 'crash'; readonly site: number; readonly after: number }
  | { readonly does: 'leave'; readonly site: number }
  | { readonly does: 'restart-coordinator' }
  /** The coordinator restarts with what it had stored so many changes ago: it has forgotten what it was told since. */
  | { readonly does: 'rewind-coordinator'; readonly back: number }
  /** A clock jumps: that of a site, or the coordinator's (`null`). */
  | { readonly does: 'set-clock'; readonly site: number | null; readonly byMs: number }
  | { readonly does: 'wait'; readonly ms: number }
  | { readonly does: 'close' }
  | { readonly does: 'cancel' }
  /** Another session begins, the one before is cancelled if it lives; sites in `fresh` bring a newly trained update. */
  | { readonly does: 'open'; readonly fresh: readonly number[]; readonly isSameModel: boolean }

export interface SimulatedSetup {
  readonly size: number
  readonly gammaPpm: number
  readonly minimumCohort: number
  readonly targetCohort: number
  readonly modulusBits: number
  /** Enters the context, and with it the order of a ring. */
  readonly run: number
  /** How a list ends: `calm` lets everybody act undisturbed stage by stage, `closes` lets nobody act any more. */
  readonly ending: 'calm' | 'closes'
}

export interface OperationList {
  readonly setup: SimulatedSetup
  readonly operations: readonly Operation[]
}

/** Clocks are touched: then, and only then, may somebody be refused for its time. */
export function touchesClocks({ operations }: OperationList): boolean {
  return operations.some(({ does }) => does === 'set-clock' || does === 'wait')
}

/** The coordinator forgets: then, and only then, may it ask for what contradicts what it asked before. */
export function rewindsCoordinator({ operations }: OperationList): boolean {
  return operations.some(({ does }) => does === 'rewind-coordinator')
}

/** Old instructions come again: then, and only then, may somebody be asked for what is past. */
export function recallsInstructions({ operations }: OperationList): boolean {
  return operations.some(({ does }) => does === 'recall')
}
