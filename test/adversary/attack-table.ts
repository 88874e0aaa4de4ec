/**
 * What an attack came to with the check off and on. Its test asserts the same; the table is for people, who get it from
 * `npm run attacks`.
 */
import { afterAll } from 'vitest'
import type { Lanes } from '../../shared/vector/encoding.ts'
import type { Site } from '../protocol/federation.ts'

/** One attack against one check. */
export interface AttackRow {
  readonly attack: string
  /** What is off in the third column and on in the fourth. */
  readonly check: string
  readonly off: string
  readonly on: string
}

/** Prints the rows when the file's tests are over, if somebody asked for tables. */
export function showAttacks(title: string, rows: readonly AttackRow[]): void {
  afterAll(() => {
    if (process.env.BLINDSUM_ATTACKS === undefined) return
    const cells = rows.map(({ attack, check, off, on }) => [attack, check, off, on])
    const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
    const lines = [['attack', 'check', 'check off', 'check on'], ...cells].map((row) =>
      row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | '),
    )
    console.log(`\n${title}\n${lines.join('\n')}`)
  })
}

/** On how many lanes the coordinator's guess is right; none when it had no masked input to start from. */
export function lanesRight(guess: Lanes | null, truth: Lanes): number {
  return guess === null ? 0 : Array.from(truth).filter((lane, at) => guess[at] === lane).length
}

/** "recovered 28 of 28 lanes". */
export function recovered(guess: Lanes | null, truth: Lanes): string {
  if (guess === null) return 'no masked byte left'
  return `recovered ${lanesRight(guess, truth)} of ${truth.length} lanes`
}

/** "refused with some_code by 5 of 7 participants": how those who refused did. */
export function refused(sites: readonly Site[]): string {
  const byCode = new Map<string, number>()
  for (const { refusal } of sites) if (refusal) byCode.set(refusal.code, (byCode.get(refusal.code) ?? 0) + 1)
  const counts = [...byCode].sort(([, a], [, b]) => a - b).map(([code, count]) => `${code} by ${count}`)
  return `refused with ${counts.join(', ')} of ${sites.length} participants`
}
