/**
 * One whole session, measured: the coordinator does everything for all n, a sample of participants does everything for
 * itself, and all others send what honest participants send. Masked inputs of those others are digests only; adding one up
 * is measured on the sample's real lanes.
 */
import { availableParallelism } from 'node:os'
import type { RevealingShares } from '../coordinator/protocol/session-state.ts'
import { reconstructSecret } from '../shared/crypto/shamir.ts'
import { invariant } from '../shared/errors.ts'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import { systemRng } from '../shared/random.ts'
import { zeroLanes } from '../shared/vector/encoding.ts'
import { addPacked } from '../shared/vector/packing.ts'
import { uploadDigest } from '../shared/vector/upload-digest.ts'
import { dealFromWire, entryFromWire, revealFromWire } from '../shared/wire/from-wire.ts'
import { Deal, Reveal, RosterEntry } from '../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { dealToWire, entryToWire, revealToWire } from '../shared/wire/to-wire.ts'
import { assumptionsFor, contextFor, type Identities } from './cohort.ts'
import { instructionBytes, MeasuredCoordinator } from './coordinator.ts'
import { attest, contribute, dealUnchecked, enter, type Holder, reveal } from './others.ts'
import { SampledParticipant, sent } from './sample.ts'
import { Stopwatch } from './stopwatch.ts'

export interface SessionSize {
  readonly n: number
  readonly k: number
  readonly lanes: number
  readonly sample: number
  /** Participants that deal and then fall silent. */
  readonly dropouts: number
}

export interface Measured {
  readonly size: SessionSize & { readonly neighbours: number; readonly threshold: number; readonly quorum: number }
  readonly ratesPercent: number
  /** CPU milliseconds of one participant, mean over the sample, by step; a step named "of which" is part of others. */
  readonly participantMs: ReadonlyMap<string, number>
  /** CPU milliseconds of the coordinator for the whole session, by step. */
  readonly coordinatorMs: ReadonlyMap<string, number>
  readonly bytes: {
    readonly advertisementUp: number
    readonly dealUp: number
    readonly maskedInputUp: number
    readonly revealUp: number
    readonly rosterDown: number
    readonly neighboursDown: number
    readonly dealsDown: number
    readonly certificateDown: number
  }
  readonly peakMemoryBytes: number
  readonly cores: number
}

/** Before the measured ones, so many more of the sample, to have the code compiled. */
const WARM_UP = 2

export async function measureSession(size: SessionSize, identities: Identities): Promise<Measured> {
  const { n, k, lanes, sample, dropouts } = size
  const people = identities.all.slice(0, n)
  const enrolled = people.map(({ spiffeId }) => spiffeId)
  const assumptions = assumptionsFor(n, k)
  const context = contextFor(n, lanes, assumptions)
  const [watch, warmUp, coordinatorWatch] = [new Stopwatch(), new Stopwatch(), new Stopwatch()]
  const tools = { bundle: identities.bundle, watch: coordinatorWatch }
  const coordinator = new MeasuredCoordinator(context, new Set(enrolled), tools)
  const bytes = { maskedInputUp: 0, revealUp: 0, rosterDown: 0, neighboursDown: 0, dealsDown: 0, certificateDown: 0 }
  const longest = (name: keyof typeof bytes, length: number) => {
    bytes[name] = Math.max(bytes[name], length)
  }
  const idOf = (index: number) => people[index - 1]?.spiffeId ?? ''

  const entered = people.map((own) => enter(context, own, { enrolled, bundle: identities.bundle }))
  const entries = entered.map((session) => RosterEntry.encode(entryToWire(session.advertisement)).finish())
  for (const [place, wire] of entries.entries()) {
    const read = () => ({ kind: 'advertise-keys', entry: entryFromWire(RosterEntry.decode(wire)) }) as const
    coordinator.receive('0 admit', enrolled[place] ?? '', read)
  }
  coordinator.close('0 roster')
  const { roster } = coordinator.at('share-keys')
  const { parameters, digests } = roster

  // The sample is spread over the roster and survives; dropouts are the last.
  const step = Math.floor((n - dropouts) / (sample + WARM_UP))
  const sampled = new Map(
    Array.from({ length: sample + WARM_UP }, (_, place) => {
      const session = entered[place * step]
      invariant(session !== undefined, 'the sample is part of the cohort')
      const own = place < WARM_UP ? warmUp : watch
      return [place * step + 1, new SampledParticipant(session, identities.bundle, own)] as const
    }),
  )
  const holders = new Map<number, Holder>()
  let dealUp = 0
  for (const [place, session] of entered.entries()) {
    const index = place + 1
    const wire = coordinator.instruct('1 roster down', idOf(index))
    const participant = sampled.get(index)
    let deal: Holder['deal']
    if (participant === undefined) {
      const holder = dealUnchecked(session, index, roster)
      holders.set(index, holder)
      deal = holder.deal
    } else {
      deal = sent(participant.obey('1 check roster, deal', wire), 'share-keys').deal
      participant.shareAgain()
      const after = participant.session
      invariant(after.stage === 'shared', 'dealt')
      holders.set(index, {
        index,
        signingKey: after.secrets.signing,
        ...after,
        incomingKeys: copied(after.incomingKeys),
      })
    }
    const up = Deal.encode(dealToWire(deal)).finish()
    dealUp = Math.max(dealUp, up.length)
    const bare = { kind: 'share-keys', ownIndex: index, lines: roster.lines, neighbours: [], threshold: 1 } as const
    const rosterLength = instructionBytes(bare).length
    longest('rosterDown', rosterLength)
    longest('neighboursDown', wire.length - rosterLength)
    const read = () => ({ kind: 'share-keys', deal: dealFromWire(Deal.decode(up)) }) as const
    coordinator.receive('1 check deals', idOf(index), read)
  }
  coordinator.close('1 fix U2')

  const modulusBits = context.modulusBits
  const sum = zeroLanes(lanes, modulusBits)
  const foldWatch = new Stopwatch()
  for (let index = 1; index <= n; index += 1) {
    const wire = coordinator.instruct('2 route deals', idOf(index))
    longest('dealsDown', wire.length)
    if (index > n - dropouts) continue
    const participant = sampled.get(index)
    const holder = holders.get(index)
    invariant(holder !== undefined, 'everybody dealt')
    let digest = systemRng(32)
    if (participant !== undefined) {
      const effects = participant.obey('2 open deals, agree masks', wire)
      const packed = await participant.mask(effects, zeroLanes(lanes, modulusBits), modulusBits)
      longest('maskedInputUp', packed.length)
      digest = foldWatch.time('2 hash uploads', () => uploadDigest(packed))
      if (foldWatch.milliseconds().size < 2) addUpUnbooked(packed, modulusBits, lanes)
      const refused = foldWatch.time('2 add up', () => addPacked({ accumulator: sum, packed, modulusBits }))
      invariant(refused === null, 'a masked input has its form')
    }
    const message = contribute(holder, digests, digest)
    coordinator.receive('2 check receipts', idOf(index), () => message)
  }
  coordinator.close('2 fix U3')

  const { bitmaps, survivors } = coordinator.at('attest-survivors')
  for (const index of survivors) {
    const wire = coordinator.instruct('3 survivors down', idOf(index))
    sampled.get(index)?.obey('3 attest', wire)
    const holder = holders.get(index)
    invariant(holder !== undefined, 'everybody dealt')
    const message = attest(holder, digests, bitmaps)
    coordinator.receive('3 check attestations', idOf(index), () => message)
  }
  coordinator.close('3 certificate')

  const everybody = { holders, survivors: new Set(survivors) }
  for (const index of survivors) {
    const wire = coordinator.instruct('4 certificate down', idOf(index))
    longest('certificateDown', wire.length)
    sampled.get(index)?.obey('4 check certificate', wire)
    const holder = holders.get(index)
    invariant(holder !== undefined, 'everybody dealt')
    const up = Reveal.encode(revealToWire(reveal(holder, roster, everybody))).finish()
    longest('revealUp', up.length)
    const read = () => ({ kind: 'reveal-shares', shares: revealFromWire(Reveal.decode(up)) }) as const
    coordinator.receive('4 check shares', idOf(index), read)
  }
  reconstructAgain(coordinator.at('reveal-shares'), coordinatorWatch)
  coordinator.close('4 rebuild secrets, mask keys')
  const { masks } = coordinator.at('completed')
  await coordinatorWatch.timeAsync('4 masks off', () => cpuMaskEngine({ threads: 'none' }).accumulate(sum, masks))

  const inAll = survivors.length / (sample + WARM_UP)
  const folded = [...foldWatch.milliseconds()].map(([name, ms]) => [name, ms * inAll] as const)
  const { neighbours, threshold, quorum } = parameters
  return {
    size: { ...size, neighbours, threshold, quorum },
    ratesPercent: assumptions.gammaPpm / 10_000,
    participantMs: watch.milliseconds(sample),
    coordinatorMs: new Map([...coordinatorWatch.milliseconds(), ...folded].sort(([a], [b]) => order(a) - order(b))),
    bytes: { ...bytes, advertisementUp: Math.max(...entries.map((entry) => entry.length)), dealUp },
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    cores: availableParallelism(),
  }
}

/** Has the adding compiled before it is measured: the coordinator adds up a thousand. */
function addUpUnbooked(packed: Uint8Array, modulusBits: number, lanes: number): void {
  const accumulator = zeroLanes(lanes, modulusBits)
  for (let time = 0; time < 8; time += 1) addPacked({ accumulator, packed, modulusBits })
}

/** The stage a step's name begins with; parts of others come last. */
function order(name: string): number {
  const stage = Number.parseInt(name, 10)
  return Number.isNaN(stage) ? 9 : stage
}

/** What dealing left is overwritten in stage 2; the stand-in for the last stage keeps its own. */
function copied(keys: ReadonlyMap<number, Uint8Array>): ReadonlyMap<number, Uint8Array> {
  return new Map([...keys].map(([index, key]) => [index, key.slice()]))
}

/** Rebuilds every secret as closing will, and books it: Shamir's part of closing, by itself. */
function reconstructAgain({ reveals, roster, shared }: RevealingShares, watch: Stopwatch): void {
  const byOwner = new Map<number, { holder: number; share: Uint8Array }[]>(shared.map((owner) => [owner, []]))
  for (const [holder, shares] of reveals) {
    for (const one of shares) if (one.kind !== 'none') byOwner.get(one.owner)?.push({ holder, share: one.share })
  }
  watch.time('of which Shamir', () => {
    for (const shares of byOwner.values()) reconstructSecret(shares, roster.parameters.threshold)
  })
}
