/**
 * Where a journal stood when something was kept beside it. What is kept is used only beside the very journal that watches over
 * it: another one, or an older copy of it, cannot say whether it has been masked since.
 */
import { z } from 'zod'

/** The form in which it stands in a file. */
export const journalMarkForm = z.strictObject({
  /** Of the journal, for its whole life: 32 hex digits, at random. */
  id: z.string(),
  /** How many sessions it has seen opened. */
  sessions: z.int().min(0),
})
export type JournalMark = Readonly<z.infer<typeof journalMarkForm>>

/** Whether a journal that stands here now has been there when `kept` was written. */
export function hasSeen(now: JournalMark, kept: JournalMark): boolean {
  return kept.id === now.id && kept.sessions <= now.sessions
}
