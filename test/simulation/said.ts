/**
 * What is promised of everything that leaves a site, checked when it tries to leave, whether or not it arrives: the fact
 * that guards it stands in the journal, a repeat has the same bytes, there is one masked input per session and per update,
 * and of one owner only one kind of share.
 */
import { isDeepStrictEqual } from 'node:util'
import type { JournalFact } from '../../participant/protocol/journal.ts'
import { equalBytes } from '../../shared/crypto/digest.ts'
import type { ParticipantMessage } from '../../shared/protocol/messages.ts'
import { promised } from './finding.ts'
import {
  type Letter,
  type Life,
  SESSIONS_PER_MODEL,
  type SimulatedSite,
  sessionIdOf,
  siteAt,
  updateDigestOf,
  type World,
} from './world.ts'

/** The facts that must be recorded before a message leaves. */
const GUARDS: Readonly<Record<ParticipantMessage['kind'], readonly JournalFact['kind'][]>> = {
  'advertise-keys': ['session-opened'],
  'share-keys': ['roster-accepted'],
  'no-share': ['shared-set-accepted'],
  contribution: ['shared-set-accepted', 'update-spent'],
  'attest-survivors': ['survivors-attested'],
  'reveal-shares': ['answered'],
  withdraw: [],
}

/** Why an honest site may leave a session when nothing but the network, crashes and operators trouble it. */
const HONEST_REFUSALS = new Set(['left', 'session_known', 'update_spent', 'too_many_sessions'])
const REFUSALS_OF_CLOCKS = new Set(['stage_1_too_late', 'advertised_too_early_or_late'])
const REFUSALS_OF_RECALLS = new Set(['wrong_stage'])
const REFUSALS_OF_REWINDS = new Set([
  'wrong_stage',
  'another_roster',
  'another_shared_set',
  'another_survivor_set',
  'already_answered',
])

/** Notes that a letter leaves its site, by which way ever. */
export function notice(world: World, letter: Letter): void {
  const { session, message } = letter
  const site = siteAt(world, letter.site)
  for (const kind of GUARDS[message.kind]) {
    const isRecorded = site.journal.factOf(sessionIdOf(session), kind) !== undefined
    promised('recorded_first', isRecorded, () => `site ${site.place} sends ${message.kind} before it records ${kind}`)
  }
  if (message.kind === 'withdraw') {
    noticeRefusal(world, site, message.code)
    return
  }
  promised('refused_honestly', message.kind !== 'no-share', () => `site ${site.place} complains about an honest dealer`)
  noticeRepeat(world, letter)
  if (message.kind === 'contribution') noticeUpload(world, site, letter)
  if (message.kind === 'reveal-shares') {
    const answered = site.journal.factOf(sessionIdOf(session), 'answered')
    const isRecorded = isDeepStrictEqual(answered?.reply, message.shares)
    promised('recorded_first', isRecorded, () => `site ${site.place} reveals other shares than it recorded`)
    noticeShares(world, letter, message)
  }
}

/** Whether an honest site may give this as its reason for leaving. */
export function noticeRefusal(world: World, { place }: SimulatedSite, code: string): void {
  const isHonest =
    HONEST_REFUSALS.has(code) ||
    (world.mayBlameClocks && REFUSALS_OF_CLOCKS.has(code)) ||
    (world.mayBeAskedAgain && REFUSALS_OF_RECALLS.has(code)) ||
    (world.mayBeContradicted && REFUSALS_OF_REWINDS.has(code))
  promised('refused_honestly', isHonest, () => `site ${place} leaves an honest session with ${code}`)
}

function noticeRepeat({ said }: World, { session, site, message }: Letter): void {
  const key = `${session} ${site} ${message.kind}`
  const first = said.messages.get(key)
  if (first === undefined) said.messages.set(key, message)
  else
    promised('said_once', isDeepStrictEqual(first, message), () => `site ${site} sends ${message.kind} in other bytes`)
}

function noticeUpload({ said }: World, { place, journal }: SimulatedSite, { session, bytes }: Letter): void {
  const key = `${session} ${place}`
  promised('one_masked_input', bytes !== null, () => `site ${place} uploads nothing`)
  if (bytes === null) return
  const first = said.uploads.get(key)
  if (first === undefined) said.uploads.set(key, bytes)
  else promised('one_masked_input', equalBytes(first, bytes), () => `site ${place} uploads two masked inputs`)
  const spent = journal.factOf(sessionIdOf(session), 'update-spent')
  const masked = [...said.maskedIn].filter(([of, number]) => of.startsWith(`${place} `) && number === session)
  const isItsOwn = masked.some(([of]) => {
    const digest = updateDigestOf(place, Number(of.split(' ')[1]))
    return spent !== undefined && equalBytes(spent.updateDigest, digest)
  })
  promised('recorded_first', isItsOwn, () => `site ${place} uploads an update that its journal does not call spent`)
}

/** Notes that an update is masked in a session: once, and in no other. */
export function noticeMasking({ said, model }: World, site: number, { update, session }: Life): void {
  const key = `${site} ${update}`
  promised('one_masked_input', !said.maskedIn.has(key), () => `update ${update} of site ${site} is masked twice`)
  said.maskedIn.set(key, session)
  const on = `${site} ${model}`
  const sessions = (said.maskedOn.get(on) ?? 0) + 1
  const isAllowed = sessions <= SESSIONS_PER_MODEL
  promised('one_masked_input', isAllowed, () => `site ${site} masks in ${sessions} sessions on one model`)
  said.maskedOn.set(on, sessions)
}

function noticeShares(
  { said }: World,
  { session, site }: Letter,
  { shares }: Extract<ParticipantMessage, { kind: 'reveal-shares' }>,
): void {
  const deal = said.messages.get(`${session} ${site} share-keys`)
  const own = deal?.kind === 'share-keys' ? deal.deal.owner : null
  for (const { owner, kind } of shares) {
    if (kind === 'none') continue
    const isOwnKey = owner === own && kind === 'mask-key'
    promised('one_kind_of_share', !isOwnKey, () => `site ${site} reveals a share of its own mask key`)
    const key = `${session} ${owner}`
    const earlier = said.kinds.get(key)
    const isSame = earlier === undefined || earlier === kind
    promised('one_kind_of_share', isSame, () => `both kinds of share of index ${owner} are revealed`)
    said.kinds.set(key, kind)
  }
}
