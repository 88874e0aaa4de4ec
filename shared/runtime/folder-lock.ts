/**
 * One process per data folder. The lock is an exclusive transaction on `lock.sqlite`, held for the life of the process: the
 * operating system drops it with the process, so a kill -9 leaves nothing behind that a person has to remove.
 *
 * That reaches as far as one machine. Who holds the folder therefore also stands in `lock.json`, until it is given back: a
 * record of another machine is believed, for nothing here can tell whether that one still runs.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { replaceFile } from '../authority/atomic-file.ts'
import { ConfigError } from '../errors.ts'
import { isRunningHere, ownIdentity } from './process-identity.ts'

export interface FolderLock {
  /** The process that ended without giving the folder back, in words; `null` when none did. */
  readonly tookOverFrom: string | null
  /** Lets another process have the folder. Safe to call twice. */
  release(): void
}

/** Files of the lock, by name. */
export const LOCK_FILES = ['lock.sqlite', 'lock.json'] as const

const holderRecord = z.object({
  what: z.string(),
  pid: z.int(),
  host: z.string(),
  bootId: z.string(),
  began: z.string(),
  startedAt: z.string(),
})
type Holder = z.infer<typeof holderRecord>

/**
 * Takes the folder (made when absent) for this process; `what` names the holder in the message, e.g. "coordinator".
 * @throws ConfigError `folder_in_use` naming the process that has it, `folder_in_use_elsewhere` when that was on another
 * machine, `folder_unusable` when it cannot be written.
 */
export function lockFolder(folder: string, what: string): FolderLock {
  const record = join(folder, 'lock.json')
  const database = openLock(folder)
  try {
    const isFree = tryLock(folder, database)
    const holder = readHolder(record)
    if (!isFree || (holder !== null && isRunningHere(holder))) throw inUse(folder, what, holder)
    if (holder !== null && isElsewhere(holder)) throw inUseElsewhere(folder, record, holder)
    const own: Holder = { what, ...ownIdentity(), startedAt: new Date().toISOString() }
    writeRecord(folder, record, own)
    let held = true
    return {
      tookOverFrom: holder === null ? null : words(holder),
      release() {
        if (!held) return
        held = false
        // While the lock is still held: nobody else's record can stand there.
        rmSync(record, { force: true })
        database.close()
      },
    }
  } catch (error) {
    database.close()
    throw error
  }
}

function openLock(folder: string): DatabaseSync {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return new DatabaseSync(join(folder, 'lock.sqlite'))
  } catch (cause) {
    throw unusable(folder, cause)
  }
}

const SQLITE_BUSY = 5

/** False when another process has it. */
function tryLock(folder: string, database: DatabaseSync): boolean {
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return true
  } catch (cause) {
    if ((cause as { errcode?: number }).errcode === SQLITE_BUSY) return false
    throw unusable(folder, cause)
  }
}

function writeRecord(folder: string, record: string, own: Holder): void {
  try {
    replaceFile(record, `${JSON.stringify(own)}\n`, 0o600)
  } catch (cause) {
    throw unusable(folder, cause)
  }
}

/** Null when nobody is named; half a record names nobody, and is never left by a rename. */
function readHolder(record: string): Holder | null {
  try {
    return holderRecord.parse(JSON.parse(readFileSync(record, 'utf8')))
  } catch {
    return null
  }
}

/** Another boot of this host is over; another host may go on. */
function isElsewhere({ host, bootId }: Holder): boolean {
  const own = ownIdentity()
  return host !== own.host && (bootId === '' || bootId !== own.bootId)
}

function words({ what, pid, host, startedAt }: Holder): string {
  return `the ${what} with pid ${pid} on ${host}, started ${startedAt}`
}

function inUse(folder: string, what: string, holder: Holder | null): ConfigError {
  const who = holder === null ? 'another process' : words(holder)
  return new ConfigError(
    'folder_in_use',
    `dataFolder ${folder}: in use by ${who}; stop that process or give this ${what} a folder of its own`,
  )
}

function inUseElsewhere(folder: string, record: string, holder: Holder): ConfigError {
  return new ConfigError(
    'folder_in_use_elsewhere',
    `dataFolder ${folder}: held by ${words(holder)}, and not given back; this machine is ${ownIdentity().host} and cannot ` +
      `tell whether that one still runs: stop it there, or, when it is gone for good, remove ${record} and start again`,
  )
}

function unusable(folder: string, cause: unknown): ConfigError {
  return new ConfigError('folder_unusable', `dataFolder ${folder}: cannot be written: ${(cause as Error).message}`, {
    cause,
  })
}
