/**
 * A whole federation in memory: the real participant cores against the real coordinator core. Every message is encoded to
 * its wire bytes and back, the coordinator's state is stored and read back after every message, and masks are real. What
 * the network or a liar would do is passed in.
 */
import { randomBytes } from 'node:crypto'
import { instructionFor } from '../../coordinator/protocol/instructions.ts'
import {
  awaited,
  closeStage,
  isLive,
  openSession,
  type ReceivedMessage,
  receive,
} from '../../coordinator/protocol/session.ts'
import type { SessionFact } from '../../coordinator/protocol/session-facts.ts'
import type { CoordinatorSession } from '../../coordinator/protocol/session-state.ts'
import { advertiseKeys, maskedInputReady, obey, uploadAcknowledged } from '../../participant/protocol/session.ts'
import type { ParticipantSession, Stepped } from '../../participant/protocol/session-state.ts'
import { updateDigest } from '../../participant/protocol/update-digest.ts'
import { cpuMaskEngine } from '../../shared/masks/cpu-engine.ts'
import { contextDigest, type SessionContext } from '../../shared/protocol/context.ts'
import type { Instruction, ParticipantMessage } from '../../shared/protocol/messages.ts'
import { decodeStored, encodeStored } from '../../shared/protocol/stored-form.ts'
import { colluders } from '../../shared/protocol/threshold.ts'
import { systemRng } from '../../shared/random.ts'
import { type Lanes, type VectorEncoding, vectorLayout, zeroLanes } from '../../shared/vector/encoding.ts'
import { addPacked, packLanes } from '../../shared/vector/packing.ts'
import { quantizeUpdate } from '../../shared/vector/quantize.ts'
import { uploadDigest } from '../../shared/vector/upload-digest.ts'
import { type Identities, makeIdentities } from './identities.ts'
import { MemoryJournal } from './memory-journal.ts'
import { instructionOverTheWire, messageOverTheWire } from './over-the-wire.ts'

export const NOW_MS = 1_790_000_000_000

/** One site of the federation: its core, its journal, its plaintext. */
export interface Site {
  readonly spiffeId: string
  readonly journal: MemoryJournal
  readonly lanes: Lanes
  readonly update: Float32Array
  readonly examples: number
  session: ParticipantSession | null
  packed: Uint8Array | null
  readonly sent: ParticipantMessage[]
  refusal: { readonly code: string; readonly message: string } | null
}

export interface Federation {
  readonly identities: Identities
  readonly context: SessionContext
  readonly encoding: VectorEncoding
  readonly sites: Map<string, Site>
  coordinator: CoordinatorSession
  readonly accumulator: Lanes
  readonly folded: number[]
}

/** What happens to traffic: `false` loses it. Instructions may be replaced by a lying coordinator. */
export interface Weather {
  readonly up?: (message: ParticipantMessage, from: string) => boolean | 'twice'
  readonly down?: (instruction: Instruction, to: string) => Instruction | null
  /** Told every change of the coordinator's state, and the state that it made. */
  readonly onFact?: (fact: SessionFact, after: CoordinatorSession) => void
}

/** Opens a federation of `size` sites, each with a random update. */
export async function openFederation(options: {
  readonly size: number
  readonly gammaPpm?: number
  readonly deltaPpm?: number
  readonly graph?: 'auto' | 'complete'
  readonly adversary?: 'malicious' | 'semi-honest'
  readonly parameterCount?: number
  readonly inputBits?: number
  readonly modulusBits?: number
  readonly minimumCohort?: number
  readonly identities?: Identities
}): Promise<Federation> {
  const { size, gammaPpm = 0, parameterCount = 50, inputBits = 16, minimumCohort = 3 } = options
  const identities = options.identities ?? (await makeIdentities(size, NOW_MS))
  const encoding: VectorEncoding = {
    parameterCount,
    scalars: [
      { name: 'examples', fractionBits: 0 },
      { name: 'lossSum', fractionBits: 20 },
    ],
    inputBits,
    modulusBits: options.modulusBits ?? Math.max(8, inputBits + Math.ceil(Math.log2(size))),
    laneRange: 1,
    clipNorm: 1000,
    minWeight: 1,
    maxWeight: 1000,
    maxParticipants: size,
  }
  const layout = vectorLayout(encoding)
  const context: SessionContext = {
    trustDomain: identities.bundle.trustDomain,
    runId: 'run-1',
    round: 1,
    sessionId: new Uint8Array(randomBytes(16)),
    planDigest: new Uint8Array(32).fill(1),
    modelDigest: new Uint8Array(32).fill(2),
    lengthLanes: layout.lengthLanes,
    laneWidth: layout.laneWidth,
    modulusBits: encoding.modulusBits,
    minimumCohort,
    enrolledCount: size,
    assumptions: {
      gammaPpm,
      deltaPpm: options.deltaPpm ?? 0,
      colluders: colluders(size, gammaPpm),
      adversary: options.adversary ?? 'malicious',
      graph: options.graph ?? 'auto',
      maxNeighbours: 1000,
    },
    aggregation: {
      inputBits,
      clipNorm: 1000,
      laneRange: 1,
      minWeight: 1,
      maxWeight: 1000,
      scalars: ['examples:0', 'lossSum:20'],
    },
  }
  const sites = new Map<string, Site>()
  for (const [place, { spiffeId }] of identities.sites.entries()) {
    const update = Float32Array.from({ length: parameterCount }, () => Math.random() * 2 - 1)
    const examples = 10 + place
    const quantized = quantizeUpdate({
      update,
      weight: examples,
      scalars: { lossSum: place / 2 },
      encoding,
      roundingSeed: new Uint8Array(randomBytes(32)),
    })
    if (!quantized.ok) throw new Error(quantized.message)
    const blank = { session: null, packed: null, sent: [], refusal: null }
    sites.set(spiffeId, { spiffeId, journal: new MemoryJournal(), lanes: quantized.lanes, update, examples, ...blank })
  }
  const expected = identities.sites.map((site) => site.spiffeId)
  const asked = { enrolled: expected, expected: new Set(expected), targetCohort: size }
  const setup = { context, contextDigest: contextDigest(context), ...asked }
  const accumulator = zeroLanes(layout.lengthLanes, encoding.modulusBits)
  return { identities, context, encoding, sites, coordinator: openSession(setup), accumulator, folded: [] }
}

/** The participant's setup, as an agent would compute it. */
export function setupOf(federation: Federation, site: Site, context = federation.context) {
  const identity = federation.identities.sites.find((candidate) => candidate.spiffeId === site.spiffeId)
  if (identity === undefined) throw new Error('a site of this federation')
  return {
    context,
    contextDigest: contextDigest(context),
    spiffeId: site.spiffeId,
    certificateChain: identity.certificateChain,
    signWithCertificate: identity.signWithCertificate,
    enrolled: federation.identities.sites.map((other) => other.spiffeId),
    permitsPeer: () => true,
    minimumCohort: context.minimumCohort,
    admissionWindowMs: 300_000,
    sessionsPerModel: 2,
    roundsPerDay: 200,
    minimumColluders: 0,
    minimumThresholdFraction: 0.5,
    updateDigest: updateDigest(site.update, { examples: site.examples }),
  }
}

export function environmentOf(federation: Federation, site: Site, nowMs = NOW_MS) {
  return { nowMs, rng: systemRng, journal: site.journal, bundle: federation.identities.bundle }
}

/** Hands one instruction to one site and carries out what it asks for. */
export async function tell(
  federation: Federation,
  site: Site,
  instruction: Instruction,
  weather: Weather = {},
): Promise<void> {
  const heard = instructionOverTheWire(instruction)
  if (heard.kind === 'advertise-keys' && site.session === null) {
    await perform(federation, site, advertiseKeys(setupOf(federation, site), environmentOf(federation, site)), weather)
    return
  }
  if (site.session === null) return
  await perform(federation, site, obey(site.session, heard, environmentOf(federation, site)), weather)
}

/** Carries out effects in order, as an agent does. */
export async function perform(
  federation: Federation,
  site: Site,
  stepped: Stepped,
  weather: Weather = {},
): Promise<void> {
  site.session = stepped.session
  for (const effect of stepped.effects) {
    switch (effect.kind) {
      case 'record':
        site.journal.record(effect.fact)
        break
      case 'send':
        site.sent.push(effect.message)
        if (effect.message.kind === 'withdraw') {
          site.refusal = { code: effect.message.code, message: effect.message.message }
        }
        deliver(federation, site, messageOverTheWire(effect.message), weather)
        break
      case 'mask': {
        const lanes = site.lanes.slice()
        await cpuMaskEngine().accumulate(lanes, effect.masks)
        site.packed = packLanes(lanes, federation.encoding.modulusBits)
        await perform(federation, site, maskedInputReady(site.session, uploadDigest(site.packed)), weather)
        break
      }
      case 'upload': {
        const { digest, signature } = effect.contribution
        const message = { kind: 'contribution', digest, signature } as const
        site.sent.push(message)
        if (deliver(federation, site, message, weather)) site.session = uploadAcknowledged(site.session)
        break
      }
      case 'over':
        break
    }
  }
}

/** Hands a message to the coordinator's core; true when it was accepted. */
export function deliver(
  federation: Federation,
  site: Site,
  message: ParticipantMessage,
  weather: Weather = {},
): boolean {
  const verdict = weather.up?.(message, site.spiffeId) ?? true
  if (verdict === false) return false
  let accepted = false
  for (let time = 0; time < (verdict === 'twice' ? 2 : 1); time += 1) {
    const received: ReceivedMessage =
      message.kind === 'contribution'
        ? { ...message, receivedDigest: uploadDigest(site.packed ?? new Uint8Array(0)) }
        : message
    const result = receive(federation.coordinator, site.spiffeId, received, {
      nowMs: NOW_MS,
      bundle: federation.identities.bundle,
    })
    federation.coordinator = federation.sites.size <= RESTORED_EACH_TIME ? restored(result.session) : result.session
    if (result.fact !== null) weather.onFact?.(result.fact, federation.coordinator)
    for (const effect of result.effects) {
      federation.folded.push(effect.index)
      const { modulusBits } = federation.encoding
      const refused = addPacked({
        accumulator: federation.accumulator,
        packed: site.packed ?? new Uint8Array(0),
        modulusBits,
      })
      if (refused !== null) throw new Error(refused.message)
    }
    accepted ||= result.outcome.kind === 'accepted'
  }
  return accepted
}

/** Walks the present stage: everybody hears where it stands, then the stage closes. */
export async function walkStage(federation: Federation, weather: Weather = {}): Promise<void> {
  for (const site of federation.sites.values()) {
    const truth = instructionFor(federation.coordinator, site.spiffeId)
    if (truth === null) continue
    const told = weather.down === undefined ? truth : weather.down(truth, site.spiffeId)
    if (told !== null) await tell(federation, site, told, weather)
  }
  const { coordinator } = federation
  if (!isLive(coordinator)) return
  federation.coordinator = restored(closeStage(coordinator))
  weather.onFact?.({ kind: 'stage-closed', stage: coordinator.stage }, federation.coordinator)
}

/** In larger federations the state is stored and read back once a stage, not after every message. */
const RESTORED_EACH_TIME = 20

/** The state after a restart of the coordinator. */
function restored(session: CoordinatorSession): CoordinatorSession {
  return decodeStored<CoordinatorSession>(encodeStored(session))
}

/** How the session stands, for assertions: plain values only. */
export function outcomeOf({ coordinator }: Federation) {
  const reason = coordinator.stage === 'aborted' ? coordinator.reason : null
  const survivors = 'survivors' in coordinator ? coordinator.survivors : []
  return { stage: coordinator.stage, reason, survivors, named: [...coordinator.named].sort() }
}

/** Runs to the end. Returns the unmasked sum when the session completed. */
export async function runSession(federation: Federation, weather: Weather = {}): Promise<Lanes | null> {
  while (isLive(federation.coordinator)) await walkStage(federation, weather)
  return unmask(federation)
}

export async function unmask(federation: Federation): Promise<Lanes | null> {
  const { coordinator, accumulator, encoding } = federation
  if (coordinator.stage !== 'completed') return null
  const sum = accumulator.slice()
  await cpuMaskEngine().accumulate(sum, coordinator.masks)
  return lowBits(sum, encoding.modulusBits)
}

/** The plaintext sum of the given roster indices. */
export function plaintextSum(federation: Federation, survivors: readonly number[]): Lanes {
  const sum = zeroLanes(federation.accumulator.length, federation.encoding.modulusBits)
  const coordinator = federation.coordinator
  if (!('roster' in coordinator)) return sum
  for (const index of survivors) {
    const lanes = federation.sites.get(coordinator.roster.entries[index - 1]?.spiffeId ?? '')?.lanes
    if (lanes === undefined) throw new Error(`no site at index ${index}`)
    for (let lane = 0; lane < sum.length; lane += 1) sum[lane] = (sum[lane] ?? 0) + (lanes[lane] ?? 0)
  }
  return lowBits(sum, federation.encoding.modulusBits)
}

function lowBits(lanes: Lanes, bits: number): Lanes {
  if (bits === 32 || bits === 16) return lanes
  const mask = 2 ** bits - 1
  for (let lane = 0; lane < lanes.length; lane += 1) lanes[lane] = (lanes[lane] ?? 0) & mask
  return lanes
}

export { awaited }
