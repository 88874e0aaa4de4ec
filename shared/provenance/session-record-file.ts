/**
 * The session record's file: canonical JSON, digests, keys, signatures and bitmaps in lower-case hex, certificates in
 * base64. Reading checks shape and sizes only; whether the record is true is the verifier's part.
 */
import { z } from 'zod'
import { encodeHex } from '../crypto/digest.ts'
import type { SessionContext } from '../protocol/context.ts'
import { MAX_PARTICIPANTS } from '../protocol/threshold.ts'
import { bytesOfHex, type Decoded, decodeCanonical, encodeCanonical } from './canonical-file.ts'
import { hexOf, receiptFromJson, receiptSchema, receiptToJson } from './receipt.ts'
import type { SessionRecord } from './session-record.ts'

export const SESSION_RECORD_FORMAT = 'blindsum/session-record/v1'

const count = z.int().min(0)
const bitmap = z
  .string()
  .max(2 * Math.ceil(MAX_PARTICIPANTS / 8))
  .regex(/^([0-9a-f]{2})+$/, 'not a bitmap in lower-case hex')
const text = z.string().min(1).max(2048)

const contextSchema = z.strictObject({
  trustDomain: text,
  runId: text,
  round: count,
  sessionId: hexOf(16),
  planDigest: hexOf(32),
  modelDigest: hexOf(32),
  lengthLanes: count,
  laneWidth: z.literal([16, 32]),
  modulusBits: count,
  minimumCohort: count,
  enrolledCount: count,
  assumptions: z.strictObject({
    gammaPpm: count,
    deltaPpm: count,
    colluders: count,
    adversary: z.enum(['malicious', 'semi-honest']),
    graph: z.enum(['auto', 'complete']),
    maxNeighbours: count,
  }),
  aggregation: z.strictObject({
    inputBits: count,
    clipNorm: z.number(),
    laneRange: z.number(),
    minWeight: count,
    maxWeight: count,
    scalars: z.array(text).max(1000),
  }),
})

const recordSchema = z.strictObject({
  format: z.literal(SESSION_RECORD_FORMAT),
  context: contextSchema,
  roster: z
    .array(z.strictObject({ enrolment: count, signingKey: hexOf(33), entryHash: hexOf(32) }))
    .max(MAX_PARTICIPANTS),
  rosterDigest: hexOf(32),
  certificate: z.strictObject({
    shared: bitmap,
    survivors: bitmap,
    signatures: z
      .array(z.strictObject({ index: z.int().min(1).max(MAX_PARTICIPANTS), signature: hexOf(64) }))
      .max(MAX_PARTICIPANTS),
  }),
  receipts: z.array(receiptSchema).max(MAX_PARTICIPANTS),
})

type RecordJson = z.infer<typeof recordSchema>

/** The file's bytes. */
export function encodeSessionRecord(record: SessionRecord): Uint8Array {
  const { certificate } = record
  return encodeCanonical({
    format: SESSION_RECORD_FORMAT,
    context: contextToJson(record.context),
    roster: record.roster.map(({ enrolment, signingKey, entryHash }) => ({
      enrolment,
      signingKey: encodeHex(signingKey),
      entryHash: encodeHex(entryHash),
    })),
    rosterDigest: encodeHex(record.rosterDigest),
    certificate: {
      shared: encodeHex(certificate.shared),
      survivors: encodeHex(certificate.survivors),
      signatures: certificate.signatures.map(({ index, signature }) => ({ index, signature: encodeHex(signature) })),
    },
    receipts: record.receipts.map(receiptToJson),
  } satisfies RecordJson)
}

/** Reads a session record from hostile bytes. */
export function decodeSessionRecord(bytes: Uint8Array): Decoded<SessionRecord> {
  const decoded = decodeCanonical(bytes, recordSchema, 'session record')
  if (!decoded.ok) return decoded
  const { context, roster, certificate, receipts } = decoded.value
  return {
    ok: true,
    value: {
      context: contextFromJson(context),
      roster: roster.map(({ enrolment, signingKey, entryHash }) => ({
        enrolment,
        signingKey: bytesOfHex(signingKey),
        entryHash: bytesOfHex(entryHash),
      })),
      rosterDigest: bytesOfHex(decoded.value.rosterDigest),
      certificate: {
        shared: bytesOfHex(certificate.shared),
        survivors: bytesOfHex(certificate.survivors),
        signatures: certificate.signatures.map(({ index, signature }) => ({ index, signature: bytesOfHex(signature) })),
      },
      receipts: receipts.map(receiptFromJson),
    },
  }
}

/** The context with its bytes as hex: what the record stores, and what can be compared field by field. */
export function contextToJson(context: SessionContext): RecordJson['context'] {
  return {
    trustDomain: context.trustDomain,
    runId: context.runId,
    round: context.round,
    sessionId: encodeHex(context.sessionId),
    planDigest: encodeHex(context.planDigest),
    modelDigest: encodeHex(context.modelDigest),
    lengthLanes: context.lengthLanes,
    laneWidth: context.laneWidth,
    modulusBits: context.modulusBits,
    minimumCohort: context.minimumCohort,
    enrolledCount: context.enrolledCount,
    assumptions: { ...context.assumptions },
    aggregation: { ...context.aggregation, scalars: [...context.aggregation.scalars] },
  }
}

function contextFromJson(json: RecordJson['context']): SessionContext {
  return {
    ...json,
    sessionId: bytesOfHex(json.sessionId),
    planDigest: bytesOfHex(json.planDigest),
    modelDigest: bytesOfHex(json.modelDigest),
  }
}
