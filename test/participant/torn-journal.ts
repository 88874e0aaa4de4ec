/**
 * A process that does nothing but record facts, killed at random moments again and again; after each the journal opens, every
 * fact is whole or absent, none is there without those before it, and none that was reported is missing.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { openJournal } from '../../participant/journal.ts'
import type { JournalFact } from '../../participant/protocol/journal.ts'
import { encodeStored } from '../../shared/protocol/stored-form.ts'

/** A reply of several pages of the database, so that its write is no single one. */
const OWNERS = 400

/** Bytes that say which session and which field they belong to. */
function bytesOf(session: number, field: number, length = 32): Uint8Array {
  const out = new Uint8Array(length).fill(field)
  new DataView(out.buffer).setUint32(0, session)
  return out
}

/** All facts of a session but its closing, which every other session has: the rest are abandoned by the next. */
export function factsOfSession(session: number): readonly JournalFact[] {
  const sessionId = bytesOf(session, 1, 16)
  const reply = Array.from({ length: OWNERS }, (_, place) => {
    return { owner: place + 1, kind: 'self-mask-seed', share: bytesOf(session, 8) } as const
  })
  const target = { modelDigest: bytesOf(session, 2), planDigest: bytesOf(session, 3), round: session }
  const facts: readonly JournalFact[] = [
    { kind: 'session-opened', sessionId, ...target, atMs: session },
    { kind: 'roster-accepted', sessionId, rosterDigest: bytesOf(session, 4) },
    { kind: 'shared-set-accepted', sessionId, shared: bytesOf(session, 5, 50) },
    { kind: 'update-spent', sessionId, updateDigest: bytesOf(session, 6) },
    { kind: 'survivors-attested', sessionId, survivors: bytesOf(session, 7, 50) },
    { kind: 'answered', sessionId, requestDigest: bytesOf(session, 9), reply },
  ]
  return session % 2 === 0 ? facts : [...facts, { kind: 'session-closed', sessionId }]
}

/** Kills as often as `kills` says and checks after each. Resolves with how many kills caught a session before its end. */
export async function killWhileRecording(path: string, kills: number): Promise<number> {
  /** How many facts of each session are there. */
  const lived: number[] = []
  let unfinished = 0
  for (let kill = 0; kill < kills; kill += 1) {
    const first = lived.length
    const position = (session: number, count: number) => {
      let facts = count
      for (let before = first; before < session; before += 1) facts += factsOfSession(before).length
      return facts
    }
    const reported = await recordUntilKilled(path, first)
    // Opening is what takes in, or leaves out, what was being written.
    openJournal(path).close()
    const found = readBack(path)
    const last = found.length - 1
    expect(found.slice(0, first)).toEqual(lived)
    for (let session = first; session < last; session += 1) expect(found[session]).toBe(KEPT)
    const durable = last < first ? 0 : position(last, found[last] ?? 0)
    // One more may have been written with no time to say so.
    const said = reported === null ? 0 : position(reported.session, reported.place + 1)
    expect([0, 1]).toContain(durable - said)
    if (last >= first && (found[last] ?? 0) < factsOfSession(last).length) unfinished += 1
    for (let session = first; session <= last; session += 1) lived[session] = Math.min(found[session] ?? 0, KEPT)
  }
  return unfinished
}

/** The facts that a session keeps once another is entered: all but the reply and the closing. */
const KEPT = 5

/** How many facts of each session are there, each of them whole and none without those before it. */
function readBack(path: string): readonly number[] {
  const database = new DatabaseSync(path, { readOnly: true })
  expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
  const sql = 'SELECT session.*, digest FROM session LEFT JOIN spent_update ON session_id = id ORDER BY session.rowid'
  const rows = database.prepare(sql).all()
  database.close()
  return rows.map((row, session) => {
    const isLast = session === rows.length - 1
    expect(row.id).toEqual(bytesOf(session, 1, 16))
    const columns = [
      [row.model_digest, bytesOf(session, 2)],
      [row.roster_digest, bytesOf(session, 4)],
      [row.shared, bytesOf(session, 5, 50)],
      [row.digest, bytesOf(session, 6)],
      [row.survivors, bytesOf(session, 7, 50)],
    ] as const
    const count = columns.filter(([value]) => value !== null).length
    expect(columns.map(([value]) => value)).toEqual(columns.map(([, whole], place) => (place < count ? whole : null)))
    if (row.closed === 1) {
      expect([row.request_digest, row.reply]).toEqual([null, null])
      return isLast ? factsOfSession(session).length : count
    }
    expect(isLast).toBe(true)
    if (row.reply === null) {
      expect(row.request_digest).toBe(null)
      return count
    }
    const answered = factsOfSession(session)[KEPT]
    expect(row.request_digest).toEqual(bytesOf(session, 9))
    expect(row.reply).toBe(encodeStored(answered?.kind === 'answered' ? answered.reply : null))
    return count + 1
  })
}

/** Resolves with the last fact that the process said is recorded, or null when it said none. */
async function recordUntilKilled(path: string, from: number) {
  const entry = fileURLToPath(new URL('./torn-journal-child.ts', import.meta.url))
  const child = spawn(process.execPath, [entry, path, String(from)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    // Any moment will do, so that it falls anywhere in a write.
    if (text === '') setTimeout(() => child.kill('SIGKILL'), Math.random() * 25)
    text += chunk
  })
  await once(child, 'close')
  const line = text.split('\n').at(-2)
  if (line === undefined) return null
  const [session = 0, place = 0] = line.split(' ').map(Number)
  return { session, place }
}
