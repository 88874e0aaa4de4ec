/**
 * What lies beside a journal that is not there: without it nobody can say whether it was masked. It is gone before a new journal
 * begins, so that no start, killed wherever, finds a new journal beside an old update.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../shared/errors.ts'
import { eraseFile, erasePartial } from './durable-file.ts'
import { KEPT_FILE } from './kept-update.ts'
import { CHECKPOINT_FILE } from './trainer.ts'

/** Erases it if `journalPath` is not there. @throws ConfigError `kept_not_erased`: the agent must not start beside it. */
export async function eraseWithoutJournal(folder: string, journalPath: string): Promise<void> {
  if (existsSync(journalPath)) return
  for (const name of [KEPT_FILE, CHECKPOINT_FILE]) {
    const path = join(folder, name)
    try {
      await eraseFile(path)
      await erasePartial(path)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      const problem = `${path} is of a journal that is lost, and cannot be erased: ${why}; remove it`
      throw new ConfigError('kept_not_erased', problem, { cause })
    }
  }
}
