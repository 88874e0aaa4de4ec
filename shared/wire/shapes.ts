/**
 * The shapes of the messages in secure_aggregation.proto and coordinator.proto, for the walk before decoding. A test
 * compares them with the files, field by field.
 */
import type { FieldKind, FieldRule, Shape } from './message-scan.ts'

const once = (kind: FieldKind): FieldRule => ({ kind, times: 'once' })
const many = (kind: FieldKind): FieldRule => ({ kind, times: 'many' })
const oneOf = (kind: FieldKind): FieldRule => ({ kind, times: 'oneof' })

const uint32 = once('uint32')
const uint64 = once('uint64')
const bool = once('bool')
const opaque = once('opaque')
const EMPTY: Shape = {}

const RosterEntry: Shape = { 1: opaque, 2: opaque, 3: opaque, 4: opaque, 5: uint64, 6: many('opaque'), 7: opaque }
const Neighbour: Shape = { 1: uint32, 2: once(RosterEntry) }
const RosterForParticipant: Shape = { 1: uint32, 2: opaque, 3: many(Neighbour), 4: uint32 }
const DealLeaf: Shape = { 1: uint32, 2: opaque, 3: opaque, 4: opaque }
const SealedShares: Shape = { 1: uint32, 2: opaque }
const Deal: Shape = { 1: uint32, 2: opaque, 3: many(DealLeaf), 4: many(SealedShares), 5: opaque }
const DealForHolder: Shape = {
  1: uint32,
  2: opaque,
  3: once(DealLeaf),
  4: many('opaque'),
  5: opaque,
  6: opaque,
  7: opaque,
}
const SharedSet: Shape = { 1: opaque, 2: many(DealForHolder) }
const NoShare: Shape = { 1: uint32, 2: opaque, 3: opaque }
const UploadHeader: Shape = { 1: opaque, 2: uint64, 3: uint64 }
const Contribution: Shape = { 1: opaque, 2: opaque }
const UploadPart: Shape = { 1: oneOf(UploadHeader), 2: oneOf('opaque'), 3: oneOf(Contribution) }
const UploadProgress: Shape = { 1: uint64, 2: bool }
const SurvivorSet: Shape = { 1: opaque }
const Attestation: Shape = { 1: opaque }
const QuorumCertificate: Shape = { 1: opaque, 2: opaque, 3: opaque, 4: opaque }
const NoneHeld: Shape = EMPTY
const RevealedShare: Shape = { 1: uint32, 2: oneOf('opaque'), 3: oneOf('opaque'), 4: oneOf(NoneHeld) }
const Reveal: Shape = { 1: many(RevealedShare) }

const HelloRequest: Shape = { 1: opaque, 2: opaque }
const HelloReply: Shape = { 1: opaque, 2: opaque, 3: opaque, 4: uint64 }
const AttendRequest: Shape = { 1: opaque, 2: opaque }
const Idle: Shape = { 1: opaque }
const Prepare: Shape = { 1: opaque, 2: opaque, 3: uint32, 4: uint32 }
const AdvertiseKeysStep: Shape = { 1: opaque, 2: opaque, 3: uint32 }
const SessionOver: Shape = { 1: bool, 2: opaque }
const Instruction: Shape = {
  1: opaque,
  2: uint32,
  3: opaque,
  4: oneOf(Idle),
  5: oneOf(Prepare),
  6: oneOf(AdvertiseKeysStep),
  7: oneOf(RosterForParticipant),
  8: oneOf(SharedSet),
  9: oneOf(SurvivorSet),
  10: oneOf(QuorumCertificate),
  11: oneOf(SessionOver),
}
const DownloadRequest: Shape = { 1: opaque }
const PlanSignature: Shape = { 1: opaque, 2: uint64, 3: many('opaque'), 4: opaque }
const DownloadChunk: Shape = { 1: uint64, 2: opaque, 3: once(PlanSignature) }
const ReadyReport: Shape = { 1: opaque, 2: uint32, 3: uint32, 4: opaque, 5: bool, 6: opaque, 7: opaque }
const SessionRequest: Shape = { 1: opaque }
const AdvertiseKeysRequest: Shape = { 1: opaque, 2: once(RosterEntry) }
const ShareKeysRequest: Shape = { 1: opaque, 2: once(Deal) }
const ReportNoShareRequest: Shape = { 1: opaque, 2: once(NoShare) }
const AttestSurvivorsRequest: Shape = { 1: opaque, 2: once(Attestation) }
const RevealSharesRequest: Shape = { 1: opaque, 2: once(Reveal) }
const WithdrawRequest: Shape = { 1: opaque, 2: opaque, 3: opaque }
const Accepted: Shape = { 1: bool }

/** What participants ask, by method of the Coordinator service. */
export const REQUEST_SHAPES: Readonly<Record<string, Shape>> = {
  hello: HelloRequest,
  attend: AttendRequest,
  download: DownloadRequest,
  reportReady: ReadyReport,
  advertiseKeys: AdvertiseKeysRequest,
  shareKeys: ShareKeysRequest,
  reportNoShare: ReportNoShareRequest,
  uploadStatus: SessionRequest,
  uploadMaskedInput: UploadPart,
  attestSurvivors: AttestSurvivorsRequest,
  revealShares: RevealSharesRequest,
  withdraw: WithdrawRequest,
}

/** What the coordinator answers, by method; of a stream, each message. */
export const REPLY_SHAPES: Readonly<Record<string, Shape>> = {
  hello: HelloReply,
  attend: Instruction,
  download: DownloadChunk,
  reportReady: Accepted,
  advertiseKeys: Accepted,
  shareKeys: Accepted,
  reportNoShare: Accepted,
  uploadStatus: UploadProgress,
  uploadMaskedInput: UploadProgress,
  attestSurvivors: Accepted,
  revealShares: Accepted,
  withdraw: Accepted,
}
