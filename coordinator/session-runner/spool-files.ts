/** The names of a session's files in the spool folder, and which of them a recorded session cannot do without. */
import type { RecordedSession } from './session-journal.ts'

/** The masked input of a roster index; all names of a session begin like that of index ''. */
export function spoolFileOf(sessionId: string, index: number | ''): string {
  return `${sessionId}-${index}`
}

/** Masked inputs that count and are in no sum on disk, uploads to go on with, and the sum. */
export function spoolFilesOf(sessionId: string, recorded: RecordedSession): readonly string[] {
  const { session, blocks, sum } = recorded
  if (!('contributions' in session)) return []
  const onTheWay = session.stage === 'mask-input' ? [...blocks.keys()] : []
  const files = [...notInSum(recorded), ...onTheWay].map((index) => spoolFileOf(sessionId, index))
  return sum === null ? files : [...files, sum.file]
}

/** Roster indices whose masked inputs count and are in no sum on disk. */
export function notInSum({ session, sum }: RecordedSession): readonly number[] {
  if (!('contributions' in session)) return []
  const inSum = new Set(sum?.contributors)
  return [...session.contributions.keys()].filter((index) => !inSum.has(index))
}
