/**
 * What operators can ask of the coordinator. Who may call at all is decided before a call gets here, each time; every call
 * that changes something is logged with its caller.
 */
import { WIRE_LABEL } from '../../shared/protocol/label.ts'
import type { Log } from '../../shared/runtime/log.ts'
import { SOFTWARE_VERSION } from '../../shared/runtime/software-version.ts'
import type { OperatorServer, RunRequest, RunSummary } from '../../shared/wire/generated/blindsum/v1/operator.ts'
import type { Attendance } from '../attendance/attendance.ts'
import type { EventLog } from '../registry/event-log.ts'
import { exportVersion } from '../registry/export.ts'
import type { Run } from '../registry/runs.ts'
import { REFUSAL_KINDS, type SiteRefusal, siteRefusals } from '../registry/site-refusals.ts'
import type { SubmissionTools } from '../registry/submission.ts'
import { type Conductor, presentText } from '../rounds/conductor.ts'
import type { PresentTexts } from '../rounds/round-notes.ts'
import { checkFirstCall } from './first-call.ts'
import { clientStream, endOf, serverStream, unary } from './handlers.ts'
import { runSummary, versionSummaries } from './run-summary.ts'
import { receiveSubmission, type SubmitLimits } from './submit.ts'
import { watchRun } from './watch.ts'

export interface OperatorsTools {
  readonly attendance: Attendance
  readonly conductor: Conductor
  readonly events: EventLog
  readonly present: PresentTexts
  readonly submission: SubmissionTools
  readonly limits: SubmitLimits
  readonly log: Log
}

export function operatorsService(tools: OperatorsTools): OperatorServer {
  const { attendance, conductor, events, present, submission, limits, log } = tools
  const { runs, versions, blobs } = submission
  const summary = async (run: Run, refusals: readonly SiteRefusal[] = []): Promise<RunSummary> =>
    runSummary(run, await versions.list(run.id), { present: presentText(run, { present }), refusals })

  /** A call that moves a run. */
  const steering = (move: string, steer: (runId: string, by: string) => Promise<Run>) =>
    unary<RunRequest, RunSummary>(log, async (request, from) => {
      const { id, name } = await runs.find(request.run)
      const moved = await steer(id, from)
      log.info({ operator: from, run: name, move }, 'operator moved a run')
      return summary(moved)
    })

  return {
    hello: unary(log, (request, from) => {
      checkFirstCall(request)
      return {
        wireLabel: WIRE_LABEL,
        softwareVersion: SOFTWARE_VERSION,
        spiffeId: from,
        connected: [...attendance.connected()],
      }
    }),
    submitRun: clientStream(log, async (call, from) => {
      const runId = await receiveSubmission(call, from, { limits, submission })
      conductor.begin(runId)
      const run = await runs.find(runId)
      log.info({ operator: from, author: run.planSignature?.authorId, run: run.name, runId }, 'run submitted')
      return summary(run)
    }),
    listRuns: unary(log, async () => ({ runs: await Promise.all((await runs.list()).map((run) => summary(run))) })),
    showRun: unary(log, async (request) => {
      const run = await runs.find(request.run)
      return summary(run, siteRefusals(await events.latest(run.id, REFUSAL_KINDS)))
    }),
    watchRun: serverStream(log, (request, _from, call) => watchRun(request, { runs, events }, endOf(call))),
    pauseRun: steering('pause', (runId, by) => conductor.pause(runId, by)),
    resumeRun: steering('resume', (runId, by) => conductor.resume(runId, by)),
    cancelRun: steering('cancel', (runId, by) => conductor.cancel(runId, by)),
    listVersions: unary(log, async (request) => {
      const run = await runs.find(request.run)
      return { versions: versionSummaries(run, await versions.list(run.id)) }
    }),
    exportVersion: serverStream(log, async function* (request, from) {
      const run = await runs.find(request.run)
      const version = await versions.find(run, request.version)
      log.info({ operator: from, run: run.name, version: version.version }, 'version exported')
      yield* exportVersion({ run, versions: await versions.list(run.id), version, blobs })
    }),
  }
}
