/**
 * One whole session of the real cores with fixed randomness: four sites with the certificates of certificates.json. What
 * each draws comes from its own test stream; the certificates' keys and the session signing keys sign by RFC 6979. The
 * program's own signatures are random: each is verified here, and the deterministic one travels in its place.
 */
import { instructionFor } from '../../../coordinator/protocol/instructions.ts'
import { closeStage, isLive, openSession } from '../../../coordinator/protocol/session.ts'
import { advertiseKeys, maskedInputReady, obey, uploadAcknowledged } from '../../../participant/protocol/session.ts'
import type { AfterShareKeys, ParticipantEffect, Stepped } from '../../../participant/protocol/session-state.ts'
import { verify } from '../../../shared/crypto/signatures.ts'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import { contextDigest, type SessionContext } from '../../../shared/protocol/context.ts'
import { dealRoot, dealStatement, type SessionDigests } from '../../../shared/protocol/deal.ts'
import type { Instruction, ParticipantMessage } from '../../../shared/protocol/messages.ts'
import { contributionStatement, survivorsStatement } from '../../../shared/protocol/statements.ts'
import { type VectorEncoding, vectorLayout, zeroLanes } from '../../../shared/vector/encoding.ts'
import { packLanes } from '../../../shared/vector/packing.ts'
import { quantizeUpdate } from '../../../shared/vector/quantize.ts'
import { uploadDigest } from '../../../shared/vector/upload-digest.ts'
import {
  deliver,
  environmentOf,
  type Federation,
  openFederation,
  type Site,
  setupOf,
  unmask,
} from '../../protocol/federation.ts'
import { MemoryJournal } from '../../protocol/memory-journal.ts'
import certificates from '../certificates.json' with { type: 'json' }
import { ascending, bytes } from '../hex.ts'
import { p256Sign } from '../reference/p256.ts'
import { testStream } from './test-stream.ts'

/** Who falls silent before which message. */
export interface Silence {
  readonly index: number
  readonly before: 'share-keys' | 'contribution'
}

/** One site and what was seen of it, beyond what its messages say. */
export interface ReplayedSite {
  readonly site: Site
  readonly index: number
  /** Everything drawn, in order: see {@link testStream}. */
  readonly draws: string[]
  readonly scalars: Readonly<Record<string, number>>
  readonly roundingSeed: Uint8Array
  secrets: { readonly channel: Uint8Array; readonly mask: Uint8Array; readonly signing: Uint8Array } | null
  shared: AfterShareKeys | null
  masks: readonly { readonly key: Uint8Array; readonly sign: 1 | -1 }[]
  masked: readonly number[]
}

export interface Replay {
  readonly federation: Federation
  readonly sites: readonly ReplayedSite[]
  readonly encoding: VectorEncoding
  /** Every message as it travelled, by sender's index. */
  readonly messages: readonly { readonly from: number; readonly message: ParticipantMessage }[]
  /** The unmasked sum. */
  readonly sum: readonly number[]
}

const PARAMETERS = 7

export async function replaySession(session: {
  readonly name: string
  readonly inputBits: number
  readonly modulusBits: number
  readonly silence: Silence
}): Promise<Replay> {
  const { name, inputBits, modulusBits, silence } = session
  const federation = await fixedFederation(name, inputBits, modulusBits)
  const { encoding } = federation
  const sites = [...federation.sites.values()].map((site, place): ReplayedSite => {
    const roundingSeed = testStream(`${name} rounding seed of site ${place + 1}`)(32)
    const scalars = { lossSum: [12.5, -3.25, 0.7, 1e-3][place] ?? 0 }
    const blank = { secrets: null, shared: null, masks: [], masked: [] }
    return { site, index: place + 1, draws: [], scalars, roundingSeed, ...blank }
  })
  const messages: { from: number; message: ParticipantMessage }[] = []
  for (const one of sites) {
    const { update, examples } = one.site
    const { scalars, roundingSeed } = one
    const quantized = quantizeUpdate({ update, weight: examples, scalars, encoding, roundingSeed })
    if (!quantized.ok) throw new Error(quantized.message)
    one.site.lanes.set(quantized.lanes)
  }
  while (isLive(federation.coordinator)) {
    for (const one of sites) {
      const instruction = instructionFor(federation.coordinator, one.site.spiffeId)
      if (instruction === null || instruction.kind === 'session-over') continue
      await play({ federation, one, silence, messages, name }, instruction)
    }
    federation.coordinator = closeStage(federation.coordinator)
  }
  const sum = await unmask(federation)
  if (sum === null) throw new Error(`the session of the vectors completes, this one is ${federation.coordinator.stage}`)
  return { federation, sites, encoding, messages, sum: [...sum] }
}

interface Scene {
  readonly federation: Federation
  readonly one: ReplayedSite
  readonly silence: Silence
  readonly messages: { from: number; message: ParticipantMessage }[]
  readonly name: string
}

/** One site obeys one instruction. */
async function play(scene: Scene, instruction: Instruction): Promise<void> {
  const { federation, one, name } = scene
  const rng = testStream(`${name} site ${one.index}`, one.draws)
  const environment = { ...environmentOf(federation, one.site), rng }
  if (one.site.session === null) {
    const stepped = advertiseKeys(setupOf(federation, one.site), environment)
    if (stepped.session.stage === 'advertised') {
      const { channel, mask, signing } = stepped.session.secrets
      one.secrets = {
        channel: channel.secretKey.slice(),
        mask: mask.secretKey.slice(),
        signing: signing.secretKey.slice(),
      }
    }
    return perform(scene, stepped)
  }
  return perform(scene, obey(one.site.session, instruction, environment))
}

async function perform(scene: Scene, stepped: Stepped): Promise<void> {
  const { one } = scene
  one.site.session = stepped.session
  if (stepped.session.stage === 'shared') {
    one.shared = { ...stepped.session, selfSeed: stepped.session.selfSeed.slice() }
  }
  for (const effect of stepped.effects) await carryOut(scene, effect)
}

async function carryOut(scene: Scene, effect: ParticipantEffect): Promise<void> {
  const { federation, one } = scene
  const { site } = one
  switch (effect.kind) {
    case 'record':
      site.journal.record(effect.fact)
      return
    case 'send':
      if (effect.message.kind === 'withdraw') throw new Error(effect.message.message)
      send(scene, effect.message)
      return
    case 'mask': {
      if (scene.silence.index === one.index) return
      one.masks = effect.masks.map(({ key, sign }) => ({ key: key.slice(), sign }))
      const lanes = site.lanes.slice()
      await cpuMaskEngine().accumulate(lanes, effect.masks)
      one.masked = [...lanes].map((lane) => lane % 2 ** federation.encoding.modulusBits)
      site.packed = packLanes(lanes, federation.encoding.modulusBits)
      if (site.session === null) throw new Error('a session that masks is live')
      return perform(scene, maskedInputReady(site.session, uploadDigest(site.packed)))
    }
    case 'upload':
      send(scene, { kind: 'contribution', ...effect.contribution })
      if (site.session !== null) site.session = uploadAcknowledged(site.session)
      return
    case 'over':
      throw new Error(effect.message)
  }
}

function send(scene: Scene, message: ParticipantMessage): void {
  const { federation, one, silence, messages } = scene
  if (one.index === silence.index && message.kind === silence.before) return
  const travelled = withFixedSignature(one, message)
  messages.push({ from: one.index, message: travelled })
  if (!deliver(federation, one.site, travelled))
    throw new Error(`${message.kind} of site ${one.index} was not accepted`)
}

/** The message with the RFC 6979 signature by v, after the program's own was verified over the same statement. */
function withFixedSignature(one: ReplayedSite, message: ParticipantMessage): ParticipantMessage {
  const { session } = one.site
  if (session === null || session.stage === 'ended' || session.stage === 'advertised') return message
  const { digests } = session
  const fixed = (statement: Uint8Array, signature: Uint8Array) => {
    const { publicKey } = session.secrets.signing
    if (!verify(publicKey, statement, signature)) throw new Error(`${message.kind}: the program signed something else`)
    return p256Sign(one.secrets?.signing ?? new Uint8Array(0), statement)
  }
  switch (message.kind) {
    case 'share-keys':
      return {
        ...message,
        deal: { ...message.deal, signature: fixed(dealOf(digests, message), message.deal.signature) },
      }
    case 'contribution':
      return { ...message, signature: fixed(contributionStatement(digests, message.digest), message.signature) }
    case 'attest-survivors': {
      if (session.stage !== 'attested') throw new Error('attested in another stage')
      const statement = survivorsStatement(digests, session.shared, session.survivors)
      return { ...message, signature: fixed(statement, message.signature) }
    }
    default:
      return message
  }
}

function dealOf(digests: SessionDigests, { deal }: Extract<ParticipantMessage, { kind: 'share-keys' }>): Uint8Array {
  return dealStatement(digests, deal.owner, deal.selfSeedCommitment, dealRoot(deal.leaves))
}

async function fixedFederation(name: string, inputBits: number, modulusBits: number): Promise<Federation> {
  const identities = {
    bundle: {
      trustDomain: certificates.trustDomain,
      authorities: [bytes(certificates.authority)],
      sequence: 1,
      refreshHintSeconds: null,
    },
    sites: certificates.sites.map(({ spiffeId, secretKey, certificateChain }) => ({
      spiffeId,
      certificateChain: certificateChain.map(bytes),
      signWithCertificate: (statement: Uint8Array) => p256Sign(bytes(secretKey), statement),
    })),
  }
  const size = identities.sites.length
  const opened = await openFederation({ size, identities, parameterCount: PARAMETERS, inputBits, modulusBits })
  const encoding: VectorEncoding = { ...opened.encoding, clipNorm: 2, laneRange: 0.75, minWeight: 1, maxWeight: 100 }
  const layout = vectorLayout(encoding)
  const context: SessionContext = {
    ...opened.context,
    runId: `vectors ${name}`,
    sessionId: ascending(0xa0, 16),
    planDigest: ascending(1, 32),
    modelDigest: ascending(2, 32),
    minimumCohort: 3,
    aggregation: {
      inputBits,
      clipNorm: encoding.clipNorm,
      laneRange: encoding.laneRange,
      minWeight: encoding.minWeight,
      maxWeight: encoding.maxWeight,
      scalars: encoding.scalars.map((scalar) => `${scalar.name}:${scalar.fractionBits}`),
    },
  }
  const sites = new Map(
    identities.sites.map(({ spiffeId }, place): [string, Site] => {
      const update = Float32Array.from({ length: PARAMETERS }, (_, at) => Math.fround(((place + 2) * (at - 3)) / 9))
      const lanes = zeroLanes(layout.lengthLanes, modulusBits)
      const blank = { session: null, packed: null, sent: [], refusal: null }
      // The third site has more examples than count.
      const examples = [10, 25, 250, 64][place] ?? 1
      return [spiffeId, { spiffeId, journal: new MemoryJournal(), lanes, update, examples, ...blank }]
    }),
  )
  if (!isLive(opened.coordinator)) throw new Error('a session that was opened is live')
  const setup = { ...opened.coordinator.setup, context, contextDigest: contextDigest(context) }
  return { ...opened, context, encoding, sites, coordinator: openSession(setup) }
}
