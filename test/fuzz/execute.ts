/** Runs one case through the receiver it is meant for, checks every promise, and goes on honestly so that poison shows. */
import { isDeepStrictEqual } from 'node:util'
import { bytesOf, type FuzzCase, momentOf } from './cases.ts'
import { ask, type Coordinator } from './coordinator-door.ts'
import { checkAnswer, walkToTheEnd } from './coordinator-promises.ts'
import type { Corpus, DownMoment, UpMoment } from './corpus.ts'
import { expectThat, Finding } from './finding.ts'
import { hear } from './participant-door.ts'
import { checkHeard } from './participant-promises.ts'
import { copyPlain } from './plain-copy.ts'

/** What became of the message, for the statistics: a code, or how it was taken. */
export type Verdict = string

/** One case in so many walks its session to the end; in large sessions, which take seconds, one in so many. */
const WALKS = 5
const LARGE_WALKS = 1000
/** Participants of a large session. */
const LARGE = 20

/** Finding: a broken promise. */
export async function execute(corpus: Corpus, fuzzCase: FuzzCase, caseNumber = 0): Promise<Verdict> {
  const moment = momentOf(corpus, fuzzCase)
  const bytes = bytesOf(corpus, fuzzCase)
  try {
    if (moment.side === 'participant') return await tellParticipant(moment, { bytes, fuzzCase })
    return await askCoordinator(moment, { bytes, fuzzCase, isWalked: caseNumber % walksOf(moment) === 0 })
  } catch (error) {
    if (error instanceof Finding) throw error
    throw new Finding('something was thrown that is no refusal', { cause: error })
  }
}

const walksOf = ({ session }: UpMoment) => (session.federation.sites.size > LARGE ? LARGE_WALKS : WALKS)

async function askCoordinator(
  moment: UpMoment,
  {
    bytes,
    fuzzCase,
    isWalked,
  }: { readonly bytes: Uint8Array; readonly fuzzCase: FuzzCase; readonly isWalked: boolean },
): Promise<Verdict> {
  const { session: record, from, method } = moment
  const { bundle } = record.federation.identities
  const packedBytes = record.federation.sites.get(from)?.packed?.length ?? 0
  const coordinator: Coordinator = { sessionId: record.sessionId, session: moment.before, bundle, packedBytes }
  let before = moment
  if (fuzzCase.isSecond) {
    const taken = await ask(coordinator, { method, from, requests: moment.requests })
    expectThat(taken.code === null, `the honest message was refused with ${taken.code}`)
    before = { ...moment, before: taken.session }
  }
  const requests = moment.requests.map((honest, place) => (place === moment.target ? bytes : honest))
  const answer = await ask({ ...coordinator, session: before.before }, { method, from, requests })
  checkAnswer(before, answer, fuzzCase.isResigned)
  if (isWalked) await walkToTheEnd(before, answer)
  if (answer.code !== null) return answer.code
  return answer.repeated ? 'repeated' : answer.received === null ? 'answered' : 'accepted'
}

async function tellParticipant(
  moment: DownMoment,
  { bytes, fuzzCase }: { readonly bytes: Uint8Array; readonly fuzzCase: FuzzCase },
): Promise<Verdict> {
  const { federation } = moment.session
  const site = federation.sites.get(moment.to)
  if (site === undefined) throw new Error(`no site ${moment.to}`)
  let { before: was, facts } = moment
  const at = (session: typeof was) => ({ federation, site, session, facts })
  if (fuzzCase.isSecond) {
    const first = hear(at(copyPlain(was)), moment.bytes)
    expectThat(first.code === null || was === null || was.stage === 'ended', `the truth was refused: ${first.code}`)
    was = first.session
    facts = [...facts, ...first.recorded]
  }
  const before = copyPlain(was)
  const heard = hear(at(before), bytes)
  checkHeard({ ...moment, facts }, heard, { before, was })
  const present = { ...at(heard.session), facts: [...facts, ...heard.recorded] }
  const [stood, standing] = [copyPlain(heard.session), heard.session]
  const after = hear(present, moment.bytes)
  checkHeard({ ...moment, facts: present.facts }, after, { before: standing, was: stood })
  if (heard.session === before && before !== null && !fuzzCase.isSecond) expectFollowed(moment, after)
  if (heard.code !== null) return heard.code
  return heard.left.length === 0 ? 'silent' : `said ${heard.left.map(({ kind }) => kind).join(', ')}`
}

/** What was ignored has left no trace: the truth is followed as if nothing had come before it. */
function expectFollowed(moment: DownMoment, after: ReturnType<typeof hear>): void {
  const isLive = moment.before !== null && moment.before.stage !== 'ended'
  expectThat(!isLive || after.code === null, `the truth was refused with ${after.code} after an ignored instruction`)
  expectThat(
    after.instruction === null || isDeepStrictEqual(after.instruction.kind, moment.honest.kind),
    'another kind',
  )
}
