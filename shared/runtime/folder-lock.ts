/**
 * One process per data folder. The lock is an exclusive transaction on `lock.sqlite`, held for the life of the process:
 * the operating system drops it with the process, so a kill -9 leaves nothing behind that a person has to remove.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ConfigError } from '../errors.ts'

export interface FolderLock {
  /** Lets another process have the folder. Safe to call twice. */
  release(): void
}

/**
 * Takes the folder (made when absent) for this process; `what` names the holder in the message, e.g. "coordinator".
 * @throws ConfigError `folder_in_use` naming the process that has it, `folder_unusable` when it cannot be written.
 */
export function lockFolder(folder: string, what: string): FolderLock {
  const pidFile = join(folder, 'lock.pid')
  let database: DatabaseSync
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    database = new DatabaseSync(join(folder, 'lock.sqlite'))
  } catch (cause) {
    throw new ConfigError('folder_unusable', `dataFolder ${folder}: cannot be written: ${(cause as Error).message}`, {
      cause,
    })
  }
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    throw new ConfigError(
      'folder_in_use',
      `dataFolder ${folder}: in use by ${holder(pidFile)}; stop that process or give this ${what} a folder of its own`,
      { cause },
    )
  }
  writeFileSync(pidFile, `${what} ${process.pid}\n`)
  let held = true
  return {
    release() {
      if (held) database.close()
      held = false
    },
  }
}

function holder(pidFile: string): string {
  try {
    const [what, pid] = readFileSync(pidFile, 'utf8').trim().split(' ')
    return `the ${what} with pid ${pid}`
  } catch {
    return 'another process'
  }
}
