/** What becomes of one bad value in an otherwise honest message, as it is or signed again by its sender. */
import { WIRE_LABEL } from '../../shared/protocol/label.ts'
import {
  AttendRequest,
  DownloadRequest,
  HelloRequest,
  Instruction,
  ReadyReport,
  SessionRequest,
} from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { type FieldPath, spoil, stands } from './bad-values.ts'
import { treeOf } from './cases.ts'
import { ask } from './coordinator-door.ts'
import { checkAnswer } from './coordinator-promises.ts'
import type { Corpus, DownMoment, Moment, UpMoment } from './corpus.ts'
import { hear } from './participant-door.ts'
import { checkHeard } from './participant-promises.ts'
import { copyPlain } from './plain-copy.ts'
import type { Method } from './requests.ts'
import { resign } from './resign.ts'
import { copyTree, writeTree } from './wire-tree.ts'

/** The code, or what was done instead of refusing; `null` when no honest message has such a place. */
export async function judge(
  corpus: Corpus,
  path: FieldPath,
  { badClass, isSigned }: { readonly badClass: string; readonly isSigned: boolean },
): Promise<string | null> {
  const candidates = momentsFor(corpus, path)
  const moment = candidates.find((one) => stands(treeOf(one), path)) ?? candidates[0]
  if (moment === undefined) return null
  const tree = copyTree(treeOf(moment))
  const size = moment.session.federation.sites.size
  if (!spoil(tree, path, { badClass, size })) return null
  const written = writeTree(tree)
  if (Buffer.compare(written, writeTree(treeOf(moment))) === 0) return null
  return outcomeOf(corpus, moment, { bytes: isSigned ? resign(moment, written) : written, isSigned })
}

/** The same for bytes as a whole: with more at the end, or less. */
export async function judgeBytes(
  corpus: Corpus,
  moment: Moment,
  change: (bytes: Uint8Array) => Uint8Array,
): Promise<string> {
  const bytes = change(writeTree(treeOf(moment)))
  return outcomeOf(corpus, moment, { bytes, isSigned: false })
}

async function outcomeOf(
  corpus: Corpus,
  moment: Moment,
  { bytes, isSigned }: { readonly bytes: Uint8Array; readonly isSigned: boolean },
): Promise<string> {
  const { federation } = moment.session
  if (moment.side === 'participant') {
    const site = federation.sites.get(moment.to)
    if (site === undefined) throw new Error(`no site ${moment.to}`)
    const before = copyPlain(moment.before)
    const heard = hear({ federation, site, session: before, facts: moment.facts }, bytes)
    checkHeard(moment, heard, { before, was: moment.before })
    return (
      heard.code ?? (heard.left.length === 0 ? 'followed' : `said ${heard.left.map(({ kind }) => kind).join(', ')}`)
    )
  }
  const { session, method, from } = moment
  const packedBytes = federation.sites.get(from)?.packed?.length ?? 0
  const coordinator = {
    sessionId: session.sessionId,
    session: moment.before,
    packedBytes,
    bundle: corpus.identities.bundle,
  }
  const requests = moment.requests.map((honest, place) => (place === moment.target ? bytes : honest))
  const answer = await ask(coordinator, { method, from, requests })
  checkAnswer(moment, answer, isSigned)
  return answer.code ?? (answer.repeated ? 'repeated' : 'accepted')
}

/** The third site's messages with this root, and those that only one site of the three sessions sends. */
export function momentsFor(corpus: Corpus, { root }: Pick<FieldPath, 'root'>): readonly Moment[] {
  const recorded = corpus.moments.filter(({ wireMessage, name }) => {
    if (wireMessage !== root) return false
    return name.includes('/003/') || (name.startsWith('one complains/001/') && /no-share|reveal-shares$/.test(name))
  })
  return [...recorded, ...outsideSessions(corpus).filter(({ wireMessage }) => wireMessage === root)]
}

/** Calls and instructions that are no message of a session, and the end of one with its reason. */
function outsideSessions(corpus: Corpus): readonly Moment[] {
  const model = corpus.moments.find(
    (moment): moment is UpMoment => moment.side === 'coordinator' && moment.name === 'all stay/003/up/attest-survivors',
  )
  if (model === undefined) throw new Error('the third site attests')
  const { modelDigest } = model.session.federation.context
  const first = { wireLabel: WIRE_LABEL, softwareVersion: '1.2.3' }
  const report = {
    runId: 'run-1',
    round: 1,
    attempt: 1,
    modelDigest,
    ready: false,
    code: 'no_data',
    message: 'no data',
  }
  const call = (method: Method, wireMessage: string, bytes: Uint8Array): UpMoment => {
    return { ...model, name: `outside/003/up/${method}`, method, wireMessage, requests: [bytes], target: 0 }
  }
  const last = corpus.moments.find(
    (moment): moment is DownMoment =>
      moment.side === 'participant' && moment.name.startsWith('all stay/003/down/attest'),
  )
  if (last === undefined) throw new Error('the third site is told who survives')
  const told = (step: NonNullable<Instruction['step']>): DownMoment => {
    const { runId, round } = last.session.federation.context
    const bytes = Instruction.encode({ runId, round, sessionId: model.session.sessionId, step }).finish()
    return { ...last, name: `outside/003/down/${step.$case}`, bytes }
  }
  const order = { planDigest: modelDigest, modelDigest, version: 1, attempt: 1 }
  return [
    told({ $case: 'idle', value: { reason: 'nothing to do' } }),
    told({ $case: 'prepare', value: order }),
    told({ $case: 'sessionOver', value: { completed: false, reason: 'too_few_shared' } }),
    call('hello', 'HelloRequest', HelloRequest.encode(first).finish()),
    call('attend', 'AttendRequest', AttendRequest.encode(first).finish()),
    call('download', 'DownloadRequest', DownloadRequest.encode({ digest: modelDigest }).finish()),
    call('reportReady', 'ReadyReport', ReadyReport.encode(report).finish()),
    call('uploadStatus', 'SessionRequest', SessionRequest.encode({ sessionId: model.session.sessionId }).finish()),
  ]
}
