/**
 * Live sessions can be gone on with: their facts give a state again, and what they need of the spool folder is there with
 * the bytes that were recorded. Files that no live session needs are listed, and lose nothing.
 */
import { createHash } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeHex } from '../../shared/crypto/digest.ts'
import { decodeStored } from '../../shared/protocol/stored-form.ts'
import { UPLOAD_BLOCK_BYTES } from '../../shared/vector/upload-digest.ts'
import { applyFact, openSession } from '../protocol/session.ts'
import type { SessionFact } from '../protocol/session-facts.ts'
import type { SessionSetup } from '../protocol/session-state.ts'
import { spoolFileOf, spoolFilesOf } from '../session-runner/spool-files.ts'
import { type FolderFinding, finding, noted } from './finding.ts'
import { hashFile } from './hash-file.ts'
import { SPOOL_FOLDER } from './layout.ts'
import type { Row, StoredRows } from './stored-rows.ts'

export async function checkSpool(dataFolder: string, stored: StoredRows): Promise<readonly FolderFinding[]> {
  const folder = join(dataFolder, SPOOL_FOLDER)
  const needed = new Set<string>()
  const problems: string[] = []
  const live = stored.rows('live_session')
  for (const row of live) {
    const session = liveSession(row, stored)
    if (session === null) continue
    if (typeof session === 'string') {
      problems.push(`session ${row.session_id}: ${session}`)
      continue
    }
    for (const name of session.files) needed.add(name)
    problems.push(...(await missing(folder, session.files)), ...(await sumProblems(folder, row)))
    problems.push(...(await blockProblems(folder, String(row.session_id), session.blocks)))
  }
  const there = await readdir(folder).catch(() => [])
  const unneeded = there.filter((name) => !needed.has(name)).map((name) => `${SPOOL_FOLDER}/${name}`)
  return [
    finding('spool', `${live.length} live sessions, ${needed.size} files`, problems),
    noted('spool unneeded', `${unneeded.length} files in ${SPOOL_FOLDER}/ that no live session needs`, unneeded),
  ]
}

interface LiveOnDisk {
  readonly files: readonly string[]
  readonly blocks: ReadonlyMap<number, readonly Uint8Array[]>
}

/** What a live session needs of the spool folder; `null` while its cohort trains, or why it cannot be read back. */
function liveSession(row: Row, stored: StoredRows): LiveOnDisk | string | null {
  if (row.setup === null) return null
  const of = `WHERE session_id = '${String(row.session_id).replaceAll("'", "''")}'`
  try {
    const setup = decodeStored<SessionSetup>(String(row.setup))
    let session = openSession(setup)
    for (const [place, { sequence, body }] of stored.rows('session_fact', `${of} ORDER BY sequence`).entries()) {
      if (sequence !== place + 1) return `fact ${place + 1} is missing, and later ones are there`
      session = applyFact(session, decodeStored<SessionFact>(String(body)))
    }
    const blocks = new Map<number, Uint8Array[]>()
    for (const { roster_index, block, digest } of stored.rows('upload_block', `${of} ORDER BY roster_index, block`)) {
      const whole = blocks.get(Number(roster_index)) ?? []
      if (block !== whole.length) return `upload of roster index ${roster_index}: block ${whole.length} is missing`
      const bytes = decodeHex(String(digest))
      if (bytes === null) return `upload of roster index ${roster_index}: block ${block} has no digest`
      whole.push(bytes)
      blocks.set(Number(roster_index), whole)
    }
    const sum =
      row.sum_file === null
        ? null
        : {
            file: String(row.sum_file),
            digest: String(row.sum_digest),
            contributors: JSON.parse(String(row.sum_contributors)) as readonly number[],
          }
    const stage = { openedAtMs: Number(row.stage_opened_at_ms), deadlineAtMs: Number(row.stage_deadline_at_ms) }
    return { files: spoolFilesOf(String(row.session_id), { session, stage, blocks, sum }), blocks }
  } catch (error) {
    return `cannot be read back: ${(error as Error).message.split('\n')[0]}`
  }
}

/** An upload on its way may begin again; what counts must be there. Either way it is named by a row. */
async function missing(folder: string, files: readonly string[]): Promise<string[]> {
  const there = new Set(await readdir(folder).catch(() => []))
  return files.filter((name) => !there.has(name)).map((name) => `${SPOOL_FOLDER}/${name} is missing`)
}

async function sumProblems(folder: string, row: Row): Promise<string[]> {
  if (row.sum_file === null) return []
  const found = await hashFile(join(folder, String(row.sum_file)))
  if (found === null || found.sha256 === row.sum_digest) return []
  return [`${SPOOL_FOLDER}/${row.sum_file} has other bytes than those recorded`]
}

async function blockProblems(
  folder: string,
  sessionId: string,
  blocks: ReadonlyMap<number, readonly Uint8Array[]>,
): Promise<string[]> {
  const problems: string[] = []
  for (const [index, digests] of blocks) {
    const name = spoolFileOf(sessionId, index)
    const file = await open(join(folder, name), 'r').catch(() => null)
    if (file === null) continue
    try {
      const piece = Buffer.alloc(UPLOAD_BLOCK_BYTES)
      for (const [place, digest] of digests.entries()) {
        const { bytesRead } = await file.read(piece, 0, piece.length, place * UPLOAD_BLOCK_BYTES)
        const found = createHash('sha256').update(piece.subarray(0, bytesRead)).digest()
        if (!found.equals(digest))
          problems.push(`${SPOOL_FOLDER}/${name}: block ${place} has other bytes than those recorded`)
      }
    } finally {
      await file.close()
    }
  }
  return problems
}
