/**
 * The rows of live sessions: written by one session's journal as it goes on, read again by a coordinator that starts. The
 * facts are replayed through the protocol core, so that what comes out is the state of the last commit.
 */
import { decodeHex, encodeHex } from '../../shared/crypto/digest.ts'
import { invariant } from '../../shared/errors.ts'
import { decodeStored, encodeStored } from '../../shared/protocol/stored-form.ts'
import { applyFact, openSession } from '../protocol/session.ts'
import type { SessionFact } from '../protocol/session-facts.ts'
import type { SessionSetup } from '../protocol/session-state.ts'
import type { RecordedSession, SessionJournal, StageTimes } from '../session-runner/session-journal.ts'
import type { Store } from '../store/database.ts'
import { storageFailure } from '../store/storage-failure.ts'

/** Rows in one statement: well below the number of values that a statement may bind. */
const ROWS_AT_ONCE = 500

/** The journal of a live session. `sequence` is the number of facts that it has already. */
export function sessionJournal(store: Store, sessionId: string, sequence = 0): SessionJournal {
  let last = sequence
  const kept = async (write: () => Promise<unknown>) => {
    try {
      await write()
    } catch (error) {
      throw storageFailure(error)
    }
  }
  return {
    append: (facts, stage) =>
      kept(async () => {
        await store.transaction().execute(async (transaction) => {
          for (let from = 0; from < facts.length; from += ROWS_AT_ONCE) {
            const rows = facts.slice(from, from + ROWS_AT_ONCE).map((fact, place) => ({
              session_id: sessionId,
              sequence: last + from + place + 1,
              body: encodeStored(fact),
            }))
            await transaction.insertInto('session_fact').values(rows).execute()
          }
          if (stage === null) return
          await transaction
            .updateTable('live_session')
            .set(stageColumns(stage))
            .where('session_id', '=', sessionId)
            .execute()
        })
        last += facts.length
      }),
    recordBlocks: (index, first, digests) =>
      kept(() =>
        store
          .insertInto('upload_block')
          .values(
            digests.map((digest, place) => ({
              session_id: sessionId,
              roster_index: index,
              block: first + place,
              digest: encodeHex(digest),
            })),
          )
          .execute(),
      ),
    forgetBlocks: (index) =>
      kept(() =>
        store
          .deleteFrom('upload_block')
          .where('session_id', '=', sessionId)
          .where('roster_index', '=', index)
          .execute(),
      ),
    recordSum: ({ file, digest, contributors }) =>
      kept(() =>
        store
          .updateTable('live_session')
          .set({ sum_file: file, sum_digest: digest, sum_contributors: JSON.stringify(contributors) })
          .where('session_id', '=', sessionId)
          .execute(),
      ),
  }
}

export function stageColumns({ openedAtMs, deadlineAtMs }: StageTimes) {
  return { stage_opened_at_ms: openedAtMs, stage_deadline_at_ms: deadlineAtMs }
}

/** The session as it stood at its last commit, and its journal; `null` while its cohort still trains. */
export async function recordedSession(
  store: Store,
  sessionId: string,
): Promise<(RecordedSession & { readonly setup: SessionSetup; readonly journal: SessionJournal }) | null> {
  const row = await store
    .selectFrom('live_session')
    .where('session_id', '=', sessionId)
    .selectAll()
    .executeTakeFirstOrThrow()
  if (row.setup === null) return null
  invariant(row.stage_opened_at_ms !== null && row.stage_deadline_at_ms !== null, 'a session that is open has a stage')
  const facts = await store
    .selectFrom('session_fact')
    .where('session_id', '=', sessionId)
    .orderBy('sequence')
    .select(['sequence', 'body'])
    .execute()
  invariant(
    facts.every(({ sequence }, place) => sequence === place + 1),
    `the facts of session ${sessionId} are numbered without a gap`,
  )
  const setup = decodeStored<SessionSetup>(row.setup)
  let session = openSession(setup)
  for (const { body } of facts) session = applyFact(session, decodeStored<SessionFact>(body))
  const sum =
    row.sum_file === null || row.sum_digest === null || row.sum_contributors === null
      ? null
      : {
          file: row.sum_file,
          digest: row.sum_digest,
          contributors: JSON.parse(row.sum_contributors) as readonly number[],
        }
  return {
    setup,
    session,
    stage: { openedAtMs: row.stage_opened_at_ms, deadlineAtMs: row.stage_deadline_at_ms },
    blocks: await blocksOf(store, sessionId),
    sum,
    journal: sessionJournal(store, sessionId, facts.length),
  }
}

async function blocksOf(store: Store, sessionId: string): Promise<ReadonlyMap<number, readonly Uint8Array[]>> {
  const rows = await store
    .selectFrom('upload_block')
    .where('session_id', '=', sessionId)
    .orderBy('roster_index')
    .orderBy('block')
    .selectAll()
    .execute()
  const blocks = new Map<number, Uint8Array[]>()
  for (const { roster_index: index, block, digest } of rows) {
    const whole = blocks.get(index) ?? []
    invariant(
      block === whole.length,
      `the blocks of upload ${index} of session ${sessionId} are numbered without a gap`,
    )
    whole.push(decodeHex(digest) ?? new Uint8Array(0))
    blocks.set(index, whole)
  }
  return blocks
}
