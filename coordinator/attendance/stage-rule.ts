/**
 * When a stage closes: everybody awaited has answered, or those who have not are gone for longer than the grace period, or
 * its deadline has passed. Pure.
 */

export interface StageProgress {
  /** Who has not answered. */
  readonly awaited: Iterable<string>
  /** Since when a participant is not connected; null while it is. */
  readonly absentSinceMs: (spiffeId: string) => number | null
  readonly openedAtMs: number
  readonly deadlineAtMs: number
  readonly joinGraceMs: number
  readonly nowMs: number
}

export type StageVerdict =
  | { readonly kind: 'close' }
  /** Look again then, if nothing changes before. */
  | { readonly kind: 'wait'; readonly untilMs: number }

/** Judges a stage. The grace counts from the stage's start or the disconnection, whichever is later. */
export function judgeStage(progress: StageProgress): StageVerdict {
  const { awaited, absentSinceMs, openedAtMs, deadlineAtMs, joinGraceMs, nowMs } = progress
  let untilMs = 0
  for (const spiffeId of awaited) {
    const absentMs = absentSinceMs(spiffeId)
    const endMs = absentMs === null ? deadlineAtMs : Math.max(absentMs, openedAtMs) + joinGraceMs
    untilMs = Math.max(untilMs, Math.min(endMs, deadlineAtMs))
    // One who is connected is waited for to the end, whoever else is missing: no need to ask on.
    if (untilMs === deadlineAtMs) break
  }
  return untilMs > nowMs ? { kind: 'wait', untilMs } : { kind: 'close' }
}
