/**
 * The in-toto Statement v1 with SLSA provenance v1 that is signed for each version: its one shape, its words and its
 * bytes. Signer and verifier share this file and nothing else about statements. Sources: in-toto attestation spec v1
 * (statement.md, resource_descriptor.md), https://slsa.dev/spec/v1.0/provenance.
 */
import { z } from 'zod'
import { isWorkloadId } from '../identity/spiffe-id.ts'
import { MAX_PARTICIPANTS } from '../protocol/threshold.ts'
import { encodeCanonical } from './canonical-file.ts'

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
export const PREDICATE_TYPE = 'https://slsa.dev/provenance/v1'
/** A URI of our own; docs/provenance.md is its schema. */
export const BUILD_TYPE = 'blindsum:provenance/model-version/v1'
export const MODEL_NAME = 'model.onnx'

/** Names of the dependencies that are not receipts; a receipt is named by its participant's SPIFFE ID. */
export const DEPENDENCY = {
  plan: 'plan',
  parentModel: 'parent-model',
  parentProvenance: 'parent-provenance',
  sessionRecord: 'session-record',
} as const

/** Largest version number: a plan has at most this many rounds. */
export const MAX_VERSION = 100_000

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'not a SHA-256 in lower-case hex')
const count = z.int().min(0)
const version = count.max(MAX_VERSION)
const digest = z.strictObject({ sha256 })
const workloadId = z.string().refine(isWorkloadId, 'not the SPIFFE ID of a workload')
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'not a time in UTC with milliseconds')

const aggregation = z.strictObject({
  rule: z.literal('weighted-mean'),
  inputBits: count,
  modulusBits: count,
  laneWidth: z.literal([16, 32]),
  lengthLanes: count,
  clipNorm: z.number(),
  laneRange: z.number(),
  minWeight: count,
  maxWeight: count,
  serverLearningRate: z.number(),
  minimumCohort: count,
  gammaPpm: count,
  deltaPpm: count,
  colluders: count,
  adversary: z.enum(['malicious', 'semi-honest']),
  graph: z.enum(['auto', 'complete']),
  maxNeighbours: count,
})

const session = z.strictObject({
  contextDigest: sha256,
  rosterDigest: sha256,
  rosterSize: count.max(MAX_PARTICIPANTS),
  survivors: z.array(z.int().min(1).max(MAX_PARTICIPANTS)).max(MAX_PARTICIPANTS),
  survivorsDigest: sha256,
})

const dependency = z.strictObject({
  name: z.string().min(1).max(2048),
  digest,
  annotations: z.strictObject({ version }).optional(),
})

export const statementSchema = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.tuple([z.strictObject({ name: z.literal(MODEL_NAME), digest })]),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate: z.strictObject({
    buildDefinition: z.strictObject({
      buildType: z.literal(BUILD_TYPE),
      externalParameters: z.strictObject({ run: z.string().min(1).max(63), version }),
      internalParameters: z.strictObject({
        runId: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, 'not a run id'),
        modelBytes: z.int().min(1),
        aggregation,
        session: session.nullable(),
      }),
      resolvedDependencies: z
        .array(dependency)
        .min(1)
        .max(MAX_PARTICIPANTS + 4),
    }),
    runDetails: z.strictObject({
      builder: z.strictObject({
        id: workloadId,
        version: z.strictObject({ blindsum: z.string().regex(/^[0-9A-Za-z.+-]{1,64}$/, 'not a software version') }),
      }),
      metadata: z.strictObject({ invocationId: z.string(), startedOn: time, finishedOn: time }),
      byproducts: z.tuple([
        z.strictObject({
          name: z.literal('metrics'),
          digest,
          annotations: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,63}$/), z.number()),
        }),
      ]),
    }),
  }),
})

export type Statement = z.infer<typeof statementSchema>

/** The payload's bytes. */
export function encodeStatement(statement: Statement): Uint8Array {
  return encodeCanonical(statement)
}

/** What the run's nth version is called in `invocationId`. */
export function invocationId(runId: string, version: number): string {
  return `${runId}/${version}`
}
