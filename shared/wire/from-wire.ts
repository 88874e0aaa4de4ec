/**
 * From generated messages, which a peer filled in, to the core's plain types. Presence and fixed lengths are checked here,
 * once, so that the core meets only well-shaped values; what the values mean is the core's business.
 */
import { SIGNATURE_BYTES, SIGNING_KEY_BYTES } from '../crypto/signatures.ts'
import { decodeBitmap } from '../protocol/bitmap.ts'
import type { Deal, DealForHolder, DealLeaf } from '../protocol/deal.ts'
import type { Instruction, ParticipantMessage } from '../protocol/messages.ts'
import type { QuorumCertificate } from '../protocol/quorum-certificate.ts'
import { refuse, refuseIf } from '../protocol/refusal.ts'
import type { Reveal, RevealedShare } from '../protocol/reveal.ts'
import type { RosterEntry, RosterLine } from '../protocol/roster.ts'
import type { Instruction as WireInstruction } from './generated/blindsum/v1/coordinator.ts'
import type {
  Attestation as WireAttestation,
  QuorumCertificate as WireCertificate,
  Contribution as WireContribution,
  Deal as WireDeal,
  DealForHolder as WireDealForHolder,
  DealLeaf as WireDealLeaf,
  RosterEntry as WireEntry,
  NoShare as WireNoShare,
  Reveal as WireReveal,
} from './generated/blindsum/v1/secure_aggregation.ts'

/** Enrolment, signing key, entry hash. */
const LINE_BYTES = 2 + SIGNING_KEY_BYTES + 32

/** More certificates than any real chain has. */
const MAX_CHAIN = 8

/** How to read what is long, and the same for everybody. */
export interface LongParts {
  readonly lines: (packed: Uint8Array) => readonly RosterLine[]
  readonly certificate: (certificate: WireCertificate) => QuorumCertificate
}

/** The protocol instruction in a step, or `null` when the step is idle, prepare or absent. */
export function instructionFromWire(
  step: WireInstruction['step'],
  long: LongParts = { lines: linesFromWire, certificate: certificateFromWire },
): Instruction | null {
  switch (step?.$case) {
    case 'advertiseKeys':
      return { kind: 'advertise-keys' }
    case 'shareKeys': {
      const { ownIndex, threshold } = step.value
      const lines = long.lines(step.value.lines)
      const neighbours = step.value.neighbours.map(({ index, entry }) => ({ index, entry: entryFromWire(entry) }))
      return { kind: 'share-keys', ownIndex, lines, neighbours, threshold }
    }
    case 'maskInput':
      return { kind: 'mask-input', shared: copy(step.value.shared), deals: step.value.deals.map(dealPartFromWire) }
    case 'attestSurvivors':
      return { kind: 'attest-survivors', survivors: copy(step.value.survivors) }
    case 'revealShares':
      return { kind: 'reveal-shares', certificate: long.certificate(step.value) }
    case 'sessionOver':
      return { kind: 'session-over', completed: step.value.completed, reason: step.value.reason }
    default:
      return null
  }
}

export function entryFromWire(entry: WireEntry | undefined): RosterEntry {
  if (entry === undefined) refuse('malformed', 'the roster entry is missing')
  const { spiffeId, advertisedAtMs, certificateChain } = entry
  refuseIf(certificateChain.length > MAX_CHAIN, 'malformed', `a chain of ${certificateChain.length} certificates`)
  return {
    spiffeId,
    advertisedAtMs,
    certificateChain: certificateChain.map(copy),
    channelKey: bytes(entry.channelKey, 32, 'channel_key'),
    maskKey: bytes(entry.maskKey, 32, 'mask_key'),
    signingKey: bytes(entry.signingKey, 33, 'signing_key'),
    signature: bytes(entry.signature, 64, 'signature'),
  }
}

export function dealFromWire(deal: WireDeal | undefined): Deal {
  if (deal === undefined) refuse('malformed', 'the deal is missing')
  return {
    owner: deal.owner,
    selfSeedCommitment: bytes(deal.selfSeedCommitment, 32, 'self_seed_commitment'),
    leaves: deal.leaves.map(leafFromWire),
    ciphertexts: deal.ciphertexts.map(({ holder, ciphertext }) => ({ holder, ciphertext: copy(ciphertext) })),
    signature: bytes(deal.signature, 64, 'signature'),
  }
}

export function noShareFromWire(complaint: WireNoShare | undefined): Extract<ParticipantMessage, { kind: 'no-share' }> {
  if (complaint === undefined) refuse('malformed', 'the complaint is missing')
  return {
    kind: 'no-share',
    owner: complaint.owner,
    ciphertextDigest: bytes(complaint.ciphertextDigest, 32, 'ciphertext_digest'),
    signature: bytes(complaint.signature, 64, 'signature'),
  }
}

export function attestationFromWire(
  attestation: WireAttestation | undefined,
): Extract<ParticipantMessage, { kind: 'attest-survivors' }> {
  if (attestation === undefined) refuse('malformed', 'the attestation is missing')
  return { kind: 'attest-survivors', signature: bytes(attestation.signature, SIGNATURE_BYTES, 'signature') }
}

/** The receipt at the end of an upload. */
export function contributionFromWire({ digest, signature }: WireContribution): {
  readonly digest: Uint8Array
  readonly signature: Uint8Array
} {
  return { digest: bytes(digest, 32, 'digest'), signature: bytes(signature, SIGNATURE_BYTES, 'signature') }
}

export function certificateFromWire(certificate: WireCertificate): QuorumCertificate {
  const { signatures } = certificate
  const signers = decodeBitmap(certificate.signers, certificate.signers.length * 8) ?? []
  refuseIf(
    certificate.signers.length !== certificate.shared.length || signatures.length !== signers.length * SIGNATURE_BYTES,
    'malformed',
    `signatures: ${signatures.length} bytes for ${signers.length} signers in ${certificate.signers.length} bytes`,
  )
  return {
    shared: copy(certificate.shared),
    survivors: copy(certificate.survivors),
    signatures: signers.map((index, place) => ({
      index,
      signature: copy(signatures.subarray(place * SIGNATURE_BYTES, (place + 1) * SIGNATURE_BYTES)),
    })),
  }
}

export function linesFromWire(lines: Uint8Array): RosterLine[] {
  refuseIf(
    lines.length % LINE_BYTES !== 0,
    'malformed',
    `lines: ${lines.length} bytes, not a multiple of ${LINE_BYTES}`,
  )
  return Array.from({ length: lines.length / LINE_BYTES }, (_, place) => {
    const line = lines.subarray(place * LINE_BYTES, (place + 1) * LINE_BYTES)
    const key = line.subarray(2, 2 + SIGNING_KEY_BYTES)
    const hash = line.subarray(2 + SIGNING_KEY_BYTES)
    return { enrolment: ((line[0] ?? 0) << 8) | (line[1] ?? 0), signingKey: copy(key), entryHash: copy(hash) }
  })
}

export function revealFromWire(reveal: WireReveal | undefined): Reveal {
  if (reveal === undefined) refuse('malformed', 'the reveal is missing')
  return reveal.shares.map(({ owner, share }): RevealedShare => {
    switch (share?.$case) {
      case 'selfMaskSeed':
        return { owner, kind: 'self-mask-seed', share: bytes(share.value, 32, 'share') }
      case 'maskKey':
        return { owner, kind: 'mask-key', share: bytes(share.value, 32, 'share') }
      case 'none':
        return { owner, kind: 'none' }
      default:
        return refuse('malformed', `no answer for owner ${owner}`)
    }
  })
}

function dealPartFromWire(part: WireDealForHolder): DealForHolder {
  return {
    owner: part.owner,
    ciphertext: copy(part.ciphertext),
    leaf: leafFromWire(part.leaf),
    path: part.path.map((node) => bytes(node, 32, 'path')),
    root: bytes(part.root, 32, 'root'),
    selfSeedCommitment: bytes(part.selfSeedCommitment, 32, 'self_seed_commitment'),
    signature: bytes(part.signature, 64, 'signature'),
  }
}

function leafFromWire(leaf: WireDealLeaf | undefined): DealLeaf {
  if (leaf === undefined) refuse('malformed', 'the leaf is missing')
  return {
    holder: leaf.holder,
    ciphertextDigest: bytes(leaf.ciphertextDigest, 32, 'ciphertext_digest'),
    selfShareCommitment: bytes(leaf.selfShareCommitment, 32, 'self_share_commitment'),
    maskKeyShareCommitment: bytes(leaf.maskKeyShareCommitment, 32, 'mask_key_share_commitment'),
  }
}

function bytes(value: Uint8Array, length: number, field: string): Uint8Array {
  refuseIf(value.length !== length, 'malformed', `${field}: ${length} bytes were expected, ${value.length} came`)
  return copy(value)
}

/** Decoded fields are views (Buffers, whose `slice` does not copy) that would pin the whole message they came in. */
function copy(value: Uint8Array): Uint8Array {
  return new Uint8Array(value)
}
