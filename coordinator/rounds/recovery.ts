/**
 * What a coordinator that starts finds in its folder, and what it makes of it: attempts to go on with, attempts of runs that
 * have ended, files that nothing names any more.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasEnded } from '../registry/run-state.ts'
import type { LiveAttempt } from '../registry/session-attempts.ts'
import { spoolFilesOf } from '../session-runner/spool-files.ts'
import type { Report } from './preparation.ts'
import type { ResumedAttempt } from './round-attempt.ts'
import type { RoundTools } from './tools.ts'

export type Found = Omit<ResumedAttempt, 'onInstalled'>

/** The attempts to go on with, one per run at most; the others are recorded as aborted, with the event that says so. */
export async function findAttempts(tools: RoundTools): Promise<readonly Found[]> {
  const found = new Map<string, Found>()
  for (const forgotten of await tools.attempts.abortForgotten()) {
    await tools.events.record(forgotten.runId, await abortedEvent(forgotten, 'the coordinator was restarted', tools))
  }
  for (const live of (await tools.attempts.live()).toReversed()) {
    const run = await tools.runs.find(live.runId)
    const isNext = live.round === run.latestVersion + 1 && !run.isFinalEvaluated
    if (hasEnded(run.state) || !isNext || found.has(run.id)) {
      await abandon(live, hasEnded(run.state) ? 'the run has ended' : 'the run has gone on without it', tools)
      continue
    }
    try {
      const session = await tools.attempts.recorded(live.sessionId)
      found.set(run.id, { live, session, reports: await reportsOf(live, tools) })
    } catch (error) {
      tools.log.error({ run: run.name, session: live.sessionId, error }, 'a session cannot be read back: it is aborted')
      await abandon(
        live,
        "what the store has of the session does not fit together; the coordinator's log says more",
        tools,
      )
    }
  }
  // Whatever closed an attempt before may have been cut off before this.
  await tools.attempts.forgetDeleted()
  return [...found.values()]
}

async function abandon(live: LiveAttempt, detail: string, tools: RoundTools): Promise<void> {
  const closing = { sessionId: live.sessionId, end: { outcome: 'aborted', reason: ABANDONED, named: [] } } as const
  await tools.attempts.close(closing, await abortedEvent(live, detail, tools))
}

const ABANDONED = 'coordinator_restarted'

async function abortedEvent(
  { runId, round, attempt }: Pick<LiveAttempt, 'runId' | 'round' | 'attempt'>,
  detail: string,
  tools: RoundTools,
) {
  const attempts = (await tools.runs.find(runId)).plan.timing.sessionAttempts
  const body = { round, attempt, attempts, reason: ABANDONED, detail, named: [] }
  return { kind: 'session_aborted', body } as const
}

/** Each site's last word in this attempt, as far as it was written down; what was not, its agent says again. */
async function reportsOf({ runId, round, attempt }: LiveAttempt, tools: RoundTools): Promise<Map<string, Report>> {
  const reports = new Map<string, Report>()
  for (const { body } of await tools.events.latest(runId, ['participant_ready'])) {
    const { spiffeId, ready, code, message, ...of } = JSON.parse(body) as Report & {
      readonly spiffeId: string
      readonly round: number
      readonly attempt: number
    }
    if (of.round === round && of.attempt === attempt && !reports.has(spiffeId)) {
      reports.set(spiffeId, { ready, code, message })
    }
  }
  return reports
}

/** Deletes the files that nothing names: what a crash left between a file and its row. Before anything new is begun. */
export async function clearOrphans(found: readonly Found[], { spoolFolder, blobs, versions }: RoundTools) {
  const needed = new Set(
    found.flatMap(({ live, session }) => (session === null ? [] : spoolFilesOf(live.sessionId, session))),
  )
  const orphans = (await readdir(spoolFolder)).filter((name) => !needed.has(name))
  for (const name of orphans) await rm(join(spoolFolder, name), { recursive: true, force: true })
  const orphanedBlobs = await blobs.deleteExcept(await versions.blobDigests())
  return { orphanedUploads: orphans.length, orphanedBlobs }
}
