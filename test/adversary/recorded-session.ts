/**
 * One honest session, kept as it stood when each stage had opened. A test takes a copy of its own from there and plays the
 * coordinator, or one of the participants, from then on; all tests of a file share what came before.
 */
import { instructionFor } from '../../coordinator/protocol/instructions.ts'
import type { CoordinatorSession } from '../../coordinator/protocol/session-state.ts'
import { advertiseKeys } from '../../participant/protocol/session.ts'
import type {
  AfterRevealShares,
  ParticipantSession,
  ParticipantSetup,
} from '../../participant/protocol/session-state.ts'
import type { Instruction, ParticipantMessage } from '../../shared/protocol/messages.ts'
import {
  environmentOf,
  type Federation,
  openFederation,
  perform,
  type Site,
  setupOf,
  type Weather,
  walkStage,
} from '../protocol/federation.ts'
import { MemoryJournal } from '../protocol/memory-journal.ts'
import type { Happening, WatchedSite } from './what-left.ts'

/** A federation whose sites are watched. */
export type Watched = Omit<Federation, 'sites'> & { readonly sites: Map<string, WatchedSite> }

export const STAGES = ['advertise-keys', 'share-keys', 'mask-input', 'attest-survivors', 'reveal-shares'] as const
export type Stage = (typeof STAGES)[number]

/** Above 64 participants everybody has k neighbours of n − 1 and knows the others by one line each. */
export const GRAPHS = [
  { name: 'complete graph', options: { size: 10, gammaPpm: 100_000 } },
  { name: 'sparse graph', options: { size: 70, gammaPpm: 20_000, deltaPpm: 100_000 } },
] as const

type Options = Parameters<typeof openFederation>[0]

/** Copies of an honest session, taken when `stage` had opened and nobody had heard of it. */
export interface RecordedSession {
  at(stage: Stage): Watched
}

/** Runs a session until `last` has opened. */
export async function recordSession(
  options: Options,
  { last = 'reveal-shares', weather = {} }: { readonly last?: Stage; readonly weather?: Weather } = {},
): Promise<RecordedSession> {
  const live = copyOf(await openFederation({ parameterCount: 8, ...options }))
  const kept = new Map<Stage, Watched>()
  for (const stage of STAGES.slice(0, STAGES.indexOf(last) + 1)) {
    if (live.coordinator.stage !== stage) throw new Error(`the session is ${live.coordinator.stage}, not ${stage}`)
    kept.set(stage, copyOf(live))
    if (stage !== last) await walkStage(live, weather)
  }
  return {
    at: (stage) => {
      const found = kept.get(stage)
      if (found === undefined) throw new Error(`recorded until ${last}, not ${stage}`)
      return copyOf(found)
    },
  }
}

/** The site at a roster index; sites stand in index order. */
export function siteAt(federation: Watched, index: number): WatchedSite {
  const site = [...federation.sites.values()][index - 1]
  if (site === undefined) throw new Error(`no site at index ${index}`)
  return site
}

/** What an honest coordinator would tell the site now; a copy of the caller's own. */
export function truthFor<K extends Instruction['kind']>(federation: Watched, site: WatchedSite, kind: K) {
  const truth = instructionFor(federation.coordinator, site.spiffeId)
  if (truth?.kind !== kind) throw new Error(`the truth is ${truth?.kind}, not ${kind}`)
  return structuredClone(truth) as Extract<Instruction, { kind: K }>
}

/** The coordinator's state, which is at this stage. */
export function coordinatorAt<S extends CoordinatorSession['stage']>(federation: Watched, stage: S) {
  if (federation.coordinator.stage !== stage) throw new Error(`the session is ${federation.coordinator.stage}`)
  return federation.coordinator as Extract<CoordinatorSession, { stage: S }>
}

/** Has the site enter the session under conditions of its own: its policy, its plan, its model. */
export async function enterWith(
  federation: Watched,
  site: WatchedSite,
  conditions: Partial<ParticipantSetup>,
): Promise<void> {
  const setup = { ...setupOf(federation, site, conditions.context), ...conditions }
  await perform(federation, site, advertiseKeys(setup, environmentOf(federation, site)))
}

/** The same federation again, nothing of it shared that anybody would change; new sites are watched from the beginning. */
export function copyOf(federation: Federation | Watched): Watched {
  const sites = [...federation.sites.values()].map((site) => watchedCopy(site, pastOf(site)))
  return {
    ...federation,
    sites: new Map(sites.map((site) => [site.spiffeId, site])),
    accumulator: federation.accumulator.slice(),
    folded: [...federation.folded],
  }
}

function pastOf(site: Site | WatchedSite): readonly Happening[] {
  return 'history' in site ? site.history : []
}

function watchedCopy(site: Site, past: readonly Happening[]): WatchedSite {
  const history = [...past]
  const journal = new MemoryJournal()
  const sent: ParticipantMessage[] = []
  for (const one of history) {
    if (one.kind === 'recorded') journal.facts.push(one.fact)
    else sent.push(one.message)
  }
  // Copies, because a core that ends overwrites what it has sent and recorded along with its other secrets.
  const keep = (one: Happening) => void history.push(structuredClone(one))
  const record = (fact: Parameters<MemoryJournal['record']>[0]) => {
    keep({ kind: 'recorded', fact })
    MemoryJournal.prototype.record.call(journal, structuredClone(fact))
  }
  const push = (...messages: ParticipantMessage[]) => {
    for (const message of messages) keep({ kind: 'sent', message })
    return Array.prototype.push.apply(sent, structuredClone(messages))
  }
  Object.defineProperty(journal, 'record', { value: record })
  Object.defineProperty(sent, 'push', { value: push })
  return { ...site, journal, sent, session: copyOfSession(site.session), history }
}

/** Fields that no core ever changes; all others are copied, for a core that ends overwrites its secrets where they are. */
const UNCHANGING: ReadonlySet<string> = new Set<keyof AfterRevealShares>([
  'setup',
  'advertisement',
  'lines',
  'neighbours',
  'digests',
  'parameters',
  'graph',
  'deal',
])

function copyOfSession(session: ParticipantSession | null): ParticipantSession | null {
  if (session === null) return null
  const fields = Object.entries(session).map(([name, value]) => [
    name,
    UNCHANGING.has(name) ? value : structuredClone(value),
  ])
  // Safety: the same fields with equal values.
  return Object.fromEntries(fields) as ParticipantSession
}
