/**
 * The trained update that no session has masked yet, kept on the site's own disk so that a crash of the agent does not cost
 * the training. In: an update and what it was trained for. Out, after a restart: that update for exactly the same work, its
 * digest computed anew, or nothing. It is plain text, never leaves the site, and is erased as soon as it is spent, the round
 * moves on, or a week has passed. Whether it is spent is the journal's word, never this file's.
 */
import { join } from 'node:path'
import { z } from 'zod'
import { encodeHex, equalBytes } from '../shared/crypto/digest.ts'
import { wipe } from '../shared/crypto/secrets.ts'
import { digestTuple } from '../shared/protocol/tuple.ts'
import type { Log } from '../shared/runtime/log.ts'
import { eraseFile, eraseOlder, erasePartial, proveRoom } from './durable-file.ts'
import type { Journal } from './journal.ts'
import { hasSeen, type JournalMark, journalMarkForm } from './journal-mark.ts'
import { updateDigest } from './protocol/update-digest.ts'
import { type FoundRecord, readRecord, writeRecord } from './record-file.ts'
import { storageFailureOf } from './storage-failure.ts'
import type { TrainedUpdate } from './trainer.ts'

/** What an update is trained for: it serves any attempt at this and nothing else. */
export interface UpdatePurpose {
  readonly runId: string
  readonly round: number
  readonly version: number
  readonly planDigest: Uint8Array
  readonly modelDigest: Uint8Array
}

export interface KeptUpdate {
  readonly trained: TrainedUpdate
  readonly updateDigest: Uint8Array
  /** What the trainer called its data and settings when it trained. */
  readonly basis: string
}

export interface KeptUpdates {
  /** Where, for the words of a full disk. */
  readonly folder: string
  /** Durable when it resolves. @throws StorageFailure when the disk does not take it. */
  keep(purpose: UpdatePurpose, kept: KeptUpdate): Promise<void>
  /**
   * The update kept for this purpose, or null. One that is damaged or of another journal is erased; one for something else
   * stays, until who asked has been approved and says {@link forget}.
   */
  find(purpose: UpdatePurpose): Promise<KeptUpdate | null>
  /** Erases what is kept; resolves also when that fails, which the log then says. */
  forget(): Promise<void>
  /** @throws StorageFailure unless what a session records will find room beside it. */
  proveRoom(): Promise<void>
  /** Erases what was kept a week ago or earlier. */
  expire(nowMs: number): Promise<void>
}

/** Keeps nothing: the update lives and ends with the process. */
export const NOTHING_KEPT: KeptUpdates = {
  folder: 'the data folder',
  keep: async () => {},
  find: async () => null,
  forget: async () => {},
  proveRoom: async () => {},
  expire: async () => {},
}

const FORMAT = 'blindsum/kept-update/v2'
export const KEPT_FILE = 'update.kept'
/** A run that was cancelled says no more; one that is paused may come back. */
export const KEPT_MS = 7 * 86_400_000
/** The journal's facts of a session, its reply to a thousand neighbours and what SQLite writes around them. */
const ROOM_BYTES = 2 * 1024 * 1024

const number = z.number()
const headerForm = z.strictObject({
  format: z.literal(FORMAT),
  /** When it was kept. */
  journal: journalMarkForm,
  runId: z.string(),
  round: z.int(),
  version: z.int(),
  planDigest: z.string(),
  modelDigest: z.string(),
  basis: z.string(),
  updateDigest: z.string(),
  examples: number,
  scalars: z.strictObject({ trainLossSum: number, evalExamples: number, evalLossSum: number, evalCorrect: number }),
})
type Header = z.infer<typeof headerForm>

/**
 * The file in `folder`, which has to be there. Calls take their turns. What was kept beside another journal, or beside
 * this one when it had come further, is not given back: this one cannot say whether it is spent.
 */
export function keptUpdates(request: {
  readonly folder: string
  readonly journal: Pick<Journal, 'mark'>
  readonly log: Log
}): KeptUpdates {
  const { folder, journal, log } = request
  const path = join(folder, KEPT_FILE)
  const erase = async () => {
    try {
      await eraseFile(path)
    } catch (error) {
      log.warn({ error, path }, 'an update that is no longer wanted could not be erased; the journal keeps it from use')
    }
  }
  let last: Promise<unknown> = erasePartial(path).catch(() => {})
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }
  const writing = async (work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      throw storageFailureOf(error) ?? error
    }
  }
  return {
    folder,
    keep: (purpose, kept) =>
      inTurn(() => writing(() => writeRecord(path, headerOf(purpose, kept, journal.mark()), [kept.trained.update]))),
    find: (purpose) =>
      inTurn(async () => {
        const found = await readRecord(path).catch((cause: NodeJS.ErrnoException): FoundRecord => {
          return { kind: 'damaged', why: `it cannot be read (${cause.code})` }
        })
        if (found.kind === 'absent') return null
        const kept = found.kind === 'damaged' ? found : readKept(found, purpose, journal.mark())
        if ('trained' in kept) return kept
        if ('isForAnother' in kept && kept.isForAnother) return null
        log.info({ path }, `the kept update is not used, and erased: ${kept.why}`)
        await erase()
        return null
      }),
    forget: () => inTurn(erase),
    proveRoom: () => inTurn(() => writing(() => proveRoom(path, ROOM_BYTES))),
    expire: (nowMs) =>
      inTurn(async () => {
        const isErased = await eraseOlder(path, nowMs - KEPT_MS)
        if (isErased) log.info({ path }, 'the kept update is erased: nobody has asked for it for a week')
      }),
  }
}

/** Names a purpose in one word, 64 hex digits. */
export function purposeHex({ runId, round, version, planDigest, modelDigest }: UpdatePurpose): string {
  return encodeHex(digestTuple('blindsum/v1/update-purpose', runId, round, version, planDigest, modelDigest))
}

function headerOf(
  purpose: UpdatePurpose,
  { trained, updateDigest: digest, basis }: KeptUpdate,
  journal: JournalMark,
): Header {
  const { runId, round, version, planDigest, modelDigest } = purpose
  const { trainLossSum, evalExamples, evalLossSum, evalCorrect } = trained.scalars
  return {
    format: FORMAT,
    journal,
    runId,
    round,
    version,
    planDigest: encodeHex(planDigest),
    modelDigest: encodeHex(modelDigest),
    basis,
    updateDigest: encodeHex(digest),
    examples: trained.examples,
    scalars: { trainLossSum, evalExamples, evalLossSum, evalCorrect },
  }
}

function readKept(
  { header, body: update }: Extract<FoundRecord, { kind: 'record' }>,
  purpose: UpdatePurpose,
  journal: JournalMark,
): KeptUpdate | { readonly why: string; readonly isForAnother?: boolean } {
  const parsed = headerForm.safeParse(header)
  const refused = (why: string) => {
    wipe(update)
    return { why }
  }
  if (!parsed.success) return refused('it is of another format')
  const { examples, scalars, basis, ...found } = parsed.data
  if (!hasSeen(journal, found.journal))
    return refused('it was kept beside another journal, or this one has been set back')
  const isWanted =
    found.runId === purpose.runId &&
    found.round === purpose.round &&
    found.version === purpose.version &&
    found.planDigest === encodeHex(purpose.planDigest) &&
    found.modelDigest === encodeHex(purpose.modelDigest)
  if (!isWanted) return { ...refused('it was trained for something else'), isForAnother: true }
  const digest = updateDigest(update, { examples, ...scalars })
  if (!equalBytes(digest, Buffer.from(found.updateDigest, 'hex'))) return refused('its digest is another')
  return { trained: { update, examples, scalars }, updateDigest: digest, basis }
}
