/** From the core's plain types to the generated messages. Field by field: the two may drift only where the compiler sees it. */
import { unreachable } from '../errors.ts'
import { encodeBitmap } from '../protocol/bitmap.ts'
import type { Deal, DealForHolder } from '../protocol/deal.ts'
import type { Instruction, ParticipantMessage } from '../protocol/messages.ts'
import type { QuorumCertificate } from '../protocol/quorum-certificate.ts'
import type { Reveal } from '../protocol/reveal.ts'
import type { RosterEntry, RosterLine } from '../protocol/roster.ts'
import type { Instruction as WireInstruction } from './generated/blindsum/v1/coordinator.ts'
import type {
  QuorumCertificate as WireCertificate,
  Deal as WireDeal,
  DealForHolder as WireDealForHolder,
  RosterEntry as WireEntry,
  NoShare as WireNoShare,
  Reveal as WireReveal,
} from './generated/blindsum/v1/secure_aggregation.ts'

/** The `step` of an Instruction. `advertise-keys` travels with digests to download, so its caller adds them. */
export function instructionToWire(
  instruction: Instruction,
  download: { readonly planDigest: Uint8Array; readonly modelDigest: Uint8Array; readonly version: number },
): NonNullable<WireInstruction['step']> {
  switch (instruction.kind) {
    case 'advertise-keys':
      return { $case: 'advertiseKeys', value: { ...download } }
    case 'share-keys': {
      const { ownIndex, threshold } = instruction
      const neighbours = instruction.neighbours.map(({ index, entry }) => ({ index, entry: entryToWire(entry) }))
      return { $case: 'shareKeys', value: { ownIndex, lines: linesToWire(instruction.lines), neighbours, threshold } }
    }
    case 'mask-input':
      return { $case: 'maskInput', value: { shared: instruction.shared, deals: instruction.deals.map(dealPartToWire) } }
    case 'attest-survivors':
      return { $case: 'attestSurvivors', value: { survivors: instruction.survivors } }
    case 'reveal-shares':
      return { $case: 'revealShares', value: certificateToWire(instruction.certificate) }
    case 'session-over':
      return { $case: 'sessionOver', value: { completed: instruction.completed, reason: instruction.reason } }
    default:
      return unreachable(instruction)
  }
}

export function entryToWire(entry: RosterEntry): WireEntry {
  return { ...entry, certificateChain: [...entry.certificateChain] }
}

export function dealToWire(deal: Deal): WireDeal {
  return { ...deal, leaves: [...deal.leaves], ciphertexts: [...deal.ciphertexts] }
}

export function noShareToWire(complaint: Extract<ParticipantMessage, { kind: 'no-share' }>): WireNoShare {
  const { owner, ciphertextDigest, signature } = complaint
  return { owner, ciphertextDigest, signature }
}

/** The roster goes to everybody: its bytes are put together once. */
const encodedLines = new WeakMap<readonly RosterLine[], Uint8Array>()

function linesToWire(lines: readonly RosterLine[]): Uint8Array {
  const known = encodedLines.get(lines)
  if (known !== undefined) return known
  const bytes = Buffer.concat(
    lines.flatMap(({ enrolment, signingKey, entryHash }) => [
      Uint8Array.of(enrolment >> 8, enrolment & 0xff),
      signingKey,
      entryHash,
    ]),
  )
  encodedLines.set(lines, bytes)
  return bytes
}

/** So does the certificate. */
const encodedCertificates = new WeakMap<QuorumCertificate, WireCertificate>()

export function certificateToWire(certificate: QuorumCertificate): WireCertificate {
  const known = encodedCertificates.get(certificate)
  if (known !== undefined) return known
  const { shared, survivors, signatures } = certificate
  const signers = encodeBitmap(
    signatures.map(({ index }) => index),
    shared.length * 8,
  )
  const packed = Buffer.concat(signatures.map(({ signature }) => signature))
  const made = { shared, survivors, signers, signatures: packed }
  encodedCertificates.set(certificate, made)
  return made
}

/** The reveal's oneof: never both kinds of one owner. */
export function revealToWire(reveal: Reveal): WireReveal {
  return {
    shares: reveal.map((share) => {
      const { owner } = share
      switch (share.kind) {
        case 'self-mask-seed':
          return { owner, share: { $case: 'selfMaskSeed', value: share.share } }
        case 'mask-key':
          return { owner, share: { $case: 'maskKey', value: share.share } }
        case 'none':
          return { owner, share: { $case: 'none', value: {} } }
        default:
          return unreachable(share)
      }
    }),
  }
}

function dealPartToWire(part: DealForHolder): WireDealForHolder {
  return { ...part, path: [...part.path] }
}
