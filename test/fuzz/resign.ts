/**
 * What an attacker inside the federation can add to a changed message: signatures by its own keys, and the digests that only
 * it vouches for. So the checks behind the signature are reached. Bytes that do not decode stay as they are.
 */
import type { AfterShareKeys } from '../../participant/protocol/session-state.ts'
import { sha256 } from '../../shared/crypto/digest.ts'
import { merklePaths } from '../../shared/crypto/merkle.ts'
import { SIGNATURE_BYTES, sign } from '../../shared/crypto/signatures.ts'
import { decodeBitmap } from '../../shared/protocol/bitmap.ts'
import { dealRoot, dealStatement, encodeDealLeaf } from '../../shared/protocol/deal.ts'
import { advertiseStatement, entryHash } from '../../shared/protocol/roster.ts'
import { contributionStatement, noShareStatement, survivorsStatement } from '../../shared/protocol/statements.ts'
import {
  AdvertiseKeysRequest,
  Instruction,
  ReportNoShareRequest,
  ShareKeysRequest,
} from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import {
  type RosterEntry,
  type RosterForParticipant,
  type SharedSet,
  UploadPart,
} from '../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { setupOf } from '../protocol/federation.ts'
import type { DownMoment, Moment, SessionRecord, UpMoment } from './corpus.ts'

/** The SPIFFE ID of the attacker in a moment: the sender, or the first participant that is not told. */
export function attackerOf(moment: Moment): string {
  if (moment.side === 'coordinator') return moment.from
  return [...moment.session.federation.sites.keys()].find((id) => id !== moment.to) ?? ''
}

export function resign(moment: Moment, bytes: Uint8Array): Uint8Array {
  try {
    return moment.side === 'coordinator' ? resignRequest(moment, bytes) : resignInstruction(moment, bytes)
  } catch {
    return bytes
  }
}

function resignRequest(moment: UpMoment, bytes: Uint8Array): Uint8Array {
  const { session, from, method } = moment
  if (method === 'advertiseKeys') {
    const request = AdvertiseKeysRequest.decode(bytes)
    if (request.entry !== undefined) resignEntry(session, from, request.entry)
    return AdvertiseKeysRequest.encode(request).finish()
  }
  const insider = session.insiders.get(from)
  if (insider === undefined) return bytes
  const { digests, ownIndex } = insider
  const key = insider.secrets.signing
  if (method === 'shareKeys') {
    const request = ShareKeysRequest.decode(bytes)
    const { deal } = request
    if (deal === undefined) return bytes
    for (const leaf of deal.leaves) {
      const sealed = deal.ciphertexts.find(({ holder }) => holder === leaf.holder)
      if (sealed !== undefined) leaf.ciphertextDigest = sha256(sealed.ciphertext)
    }
    deal.signature = sign(key, dealStatement(digests, deal.owner, deal.selfSeedCommitment, dealRoot(deal.leaves)))
    return ShareKeysRequest.encode(request).finish()
  }
  if (method === 'reportNoShare') {
    const request = ReportNoShareRequest.decode(bytes)
    const { noShare } = request
    if (noShare === undefined) return bytes
    const statement = noShareStatement(digests, noShare.owner, ownIndex, noShare.ciphertextDigest)
    return ReportNoShareRequest.encode({
      ...request,
      noShare: { ...noShare, signature: sign(key, statement) },
    }).finish()
  }
  if (method === 'uploadMaskedInput') {
    const { part } = UploadPart.decode(bytes)
    if (part?.$case !== 'contribution') return bytes
    const { digest } = part.value
    const value = { digest, signature: sign(key, contributionStatement(digests, digest)) }
    return UploadPart.encode({ part: { $case: 'contribution', value } }).finish()
  }
  return bytes
}

function resignInstruction(moment: DownMoment, bytes: Uint8Array): Uint8Array {
  const { session } = moment
  // What is decoded is a view, and is written to.
  const instruction = Instruction.decode(bytes.slice())
  const { step } = instruction
  const insider = session.insiders.get(attackerOf(moment))
  if (insider === undefined) return bytes
  if (step?.$case === 'shareKeys') relist(session, insider, step.value)
  if (step?.$case === 'maskInput') redeal(insider, step.value, session.insiders.get(moment.to)?.ownIndex ?? 0)
  if (step?.$case === 'revealShares') {
    const { shared, survivors, signers, signatures } = step.value
    const place = decodeBitmap(signers, signers.length * 8)?.indexOf(insider.ownIndex) ?? -1
    const statement = survivorsStatement(insider.digests, shared, survivors)
    const isThere = place >= 0 && signatures.length >= (place + 1) * SIGNATURE_BYTES
    if (isThere) signatures.set(sign(insider.secrets.signing, statement), place * SIGNATURE_BYTES)
  }
  return Instruction.encode(instruction).finish()
}

function resignEntry(session: SessionRecord, spiffeId: string, entry: RosterEntry): void {
  const site = session.federation.sites.get(spiffeId)
  if (site === undefined) return
  const { signWithCertificate, contextDigest } = setupOf(session.federation, site)
  entry.signature = signWithCertificate(advertiseStatement(contextDigest, entry))
}

/** The attacker signs its own entry; the coordinator lists every entry as it stands. */
function relist(session: SessionRecord, insider: AfterShareKeys, roster: RosterForParticipant): void {
  for (const { index, entry } of roster.neighbours) {
    if (entry === undefined) continue
    if (index === insider.ownIndex) resignEntry(session, insider.setup.spiffeId, entry)
    // The two bytes in front say whose line it is; they stay.
    const line = Buffer.concat([entry.signingKey, entryHash(entry)])
    const length = 2 + line.length
    if (index >= 1 && length * index <= roster.lines.length) roster.lines.set(line, (index - 1) * length + 2)
  }
}

/** The attacker deals the holder what stands there, under a root and a signature of its own. */
function redeal(insider: AfterShareKeys, { deals }: SharedSet, holder: number): void {
  const { deal, digests, secrets } = insider
  for (const part of deals) {
    if (part.owner !== insider.ownIndex || part.leaf === undefined) continue
    part.leaf.ciphertextDigest = sha256(part.ciphertext)
    const { leaf } = part
    const leaves = deal.leaves.map((one) => (one.holder === holder ? leaf : one))
    const place = leaves.indexOf(leaf)
    part.root = dealRoot(leaves)
    part.path = merklePaths(leaves.map(encodeDealLeaf))[place] ?? []
    part.signature = sign(secrets.signing, dealStatement(digests, part.owner, part.selfSeedCommitment, part.root))
  }
}
