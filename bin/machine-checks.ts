/** What `doctor` tries of the runtime behind training, of the disk behind the store, and of the clock. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Finding } from './finding.ts'
import { packageFile } from './package-file.ts'

/** A clock before this was never set: 2026-01-01. */
const RELEASED_MS = 1_767_225_600_000
/** A wall clock that went so far from the monotonic one since this process began was set meanwhile. */
const MOST_STEP_MS = 1000
const COMMITS = 5

/** Which execution providers this build of onnxruntime brings; training uses `cpu`. */
export async function providersFound(): Promise<string> {
  const { listSupportedBackends } = await import('onnxruntime-node')
  const names = listSupportedBackends().map(({ name, bundled }) => (bundled ? name : `${name} (its libraries apart)`))
  if (!names.includes('cpu'))
    throw new Error(`onnxruntime has no provider cpu here, only ${names.join(', ') || 'none'}`)
  return `onnxruntime brings ${names.join(', ')}; training runs on cpu`
}

/** A store as the coordinator keeps its own, in a folder that is removed: written with every commit on the disk, read again. */
export async function storeTried(parent = tmpdir()): Promise<string> {
  const { DatabaseSync } = await import('node:sqlite')
  const folder = mkdtempSync(join(parent, 'blindsum-doctor-'))
  try {
    const file = join(folder, 'store.sqlite')
    const database = new DatabaseSync(file)
    try {
      const version = database.prepare('SELECT sqlite_version() AS version').get()?.version
      const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode
      if (mode !== 'wal') throw new Error(`${parent} gives journal mode ${mode}, not wal: use a local file system`)
      database.exec('PRAGMA synchronous = FULL; CREATE TABLE tried (place INTEGER)')
      const insert = database.prepare('INSERT INTO tried VALUES (?)')
      const from = performance.now()
      for (let place = 0; place < COMMITS; place += 1) insert.run(place)
      const msPerCommit = (performance.now() - from) / COMMITS
      const other = new DatabaseSync(file, { readOnly: true })
      const count = other.prepare('SELECT count(*) AS count FROM tried').get()?.count
      other.close()
      if (count !== COMMITS) throw new Error(`${COMMITS} rows were committed under ${parent}, ${count} are there`)
      return `SQLite ${version} with WAL; a commit with fsync takes ${msPerCommit.toFixed(1)} ms under ${parent}`
    } finally {
      database.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What two clocks said at one moment; the wall clock as the monotonic one has it, counted from the process's start. */
export interface ClockReading {
  readonly wallMs: number
  readonly monotonicMs: number
  /** No wall clock is right before this. */
  readonly builtMs: number
}

export function readClocks(): ClockReading {
  // An installed package may have lost its dates.
  const builtMs = Math.max(RELEASED_MS, statSync(packageFile('package.json')).mtimeMs)
  return { wallMs: Date.now(), monotonicMs: performance.timeOrigin + performance.now(), builtMs }
}

export function clockFinding({ wallMs, monotonicMs, builtMs }: ClockReading): Finding {
  const now = new Date(wallMs).toISOString()
  const step = wallMs - monotonicMs
  const finding = { name: 'clock', isOptional: false }
  if (wallMs < builtMs) {
    const built = new Date(builtMs).toISOString()
    return {
      ...finding,
      ok: false,
      detail: `${now} is before this build of ${built}: set the clock, or start its NTP service`,
    }
  }
  if (Math.abs(step) > MOST_STEP_MS) {
    const detail = `${now}, set by ${(step / 1000).toFixed(1)} s since this command began: wait until NTP has settled`
    return { ...finding, ok: false, isOptional: true, detail }
  }
  const detail = `${now}, steady beside the monotonic clock; certificates and advertisements bear five minutes of difference`
  return { ...finding, ok: true, detail }
}
