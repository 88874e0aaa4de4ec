/**
 * The training plan: what is trained, by whom, how often, and under which security parameters. An author writes YAML
 * beside a forward ONNX model; `run submit` turns both into the plan document (canonical JSON), whose SHA-256 is the plan
 * digest in every session's context. Coordinator and participants parse the same bytes with this one schema.
 */
import { z } from 'zod'
import { DEFAULT_MAX_NEIGHBOURS, MAX_NEIGHBOURS } from '../protocol/threshold.ts'
import { dataSpec } from './data-spec.ts'

const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}(\/[A-Za-z0-9._-]+)+$/
/** Rates enter the context digest in parts per million, so they are whole ones: rounding would change C unseen. */
const isWholePpm = (value: number) => Math.abs(value * 1_000_000 - Math.round(value * 1_000_000)) < 1e-6
const rate = z.number().min(0).max(0.5).refine(isWholePpm, 'at most six decimals')
const positive = z.number().positive().max(1e12)
const milliseconds = (fallback: number, min = 100, max = 86_400_000) => z.int().min(min).max(max).default(fallback)

const participants = z.strictObject({
  /** Everyone the plan admits: E SPIFFE IDs, exact. */
  enrolled: z.array(z.string().regex(SPIFFE_ID, 'not a SPIFFE ID of a workload')).min(3).max(10_000),
  /** Presumed honest participants a session needs: |set| − C must not fall below it. Floor 2. */
  minimumCohort: z.int().min(2).max(10_000).default(3),
  /** How many are asked each round, drawn at random; default everybody. */
  targetCohort: z.int().min(3).max(10_000).optional(),
})

const training = z.strictObject({
  loss: z.enum(['softmax-cross-entropy', 'binary-cross-entropy', 'mean-squared-error']),
  /** Passes over a site's training examples per round; or `localSteps` optimiser steps. Exactly one of the two. */
  localEpochs: z.int().min(1).max(1000).optional(),
  localSteps: z.int().min(1).max(10_000_000).optional(),
  batchSize: z.int().min(1).max(65_536).default(32),
  learningRate: z.number().positive().max(1000),
  momentum: z.number().min(0).max(0.9999).default(0),
  weightDecay: z.number().min(0).max(1).default(0),
})

const aggregation = z.strictObject({
  /** Signed bits per lane after rounding (b). */
  inputBits: z.int().min(4).max(24).default(16),
  /** Modulus 2^m; default b + ⌈log2 E⌉, the least that cannot overflow. */
  modulusBits: z.int().min(8).max(32).optional(),
  /** L2 bound on a site's whole update. */
  clipNorm: positive.default(10),
  /** Bound on each coordinate of an update. */
  laneRange: positive.default(1),
  /** Bounds on a site's weight, which is its number of training examples. */
  minExamples: z.int().min(1).max(1_000_000_000).default(1),
  maxExamples: z.int().min(1).max(1_000_000_000).default(100_000),
  /** Applied to the mean update: 1 is federated averaging. */
  serverLearningRate: z.number().positive().max(10).default(1),
})

const security = z.strictObject({
  /** γ: fraction of the enrolled that may collude with the coordinator. */
  gamma: rate.default(0.2),
  /** δ: fraction that may fall silent in one session. */
  delta: rate.default(0.2),
  adversary: z.enum(['malicious', 'semi-honest']).default('malicious'),
  /** `auto`: complete up to 64 participants, above a random ring of neighbours. */
  graph: z.enum(['auto', 'complete']).default('auto'),
  /** Largest number of neighbours a participant may have; each costs it keys, shares and one mask. */
  maxNeighbours: z.int().min(64).max(MAX_NEIGHBOURS).default(DEFAULT_MAX_NEIGHBOURS),
})

const timing = z.strictObject({
  /** How long a round waits for local training. */
  trainDeadlineMs: milliseconds(1_800_000, 1000),
  /** How long each protocol stage may take. */
  stageDeadlineMs: milliseconds(60_000, 1000),
  /** How long a stage waits for a participant that is not connected. */
  joinGraceMs: milliseconds(10_000, 100),
  /** Largest age of an advertisement when stage 1 begins; it bounds how many rosters a coordinator can try. */
  admissionWindowMs: milliseconds(300_000, 10_000, 600_000),
  /** Fresh sessions tried for one round before the run pauses. */
  sessionAttempts: z.int().min(1).max(20).default(3),
})

const shape = {
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens, at most 63'),
  rounds: z.int().min(1).max(100_000),
  participants,
  data: dataSpec,
  training,
  aggregation: aggregation.prefault({}),
  security: security.prefault({}),
  timing: timing.prefault({}),
  /** Which securely summed metric makes a version the best one. */
  best: z.enum(['lowest-eval-loss', 'highest-eval-accuracy']).default('lowest-eval-loss'),
}

/** What the author writes: the model is a file beside the YAML. */
export const planFile = z.strictObject({
  ...shape,
  model: z.strictObject({
    file: z.string().min(1),
    /** Float initializers that are not trained. */
    frozen: z.array(z.string()).default([]),
  }),
})

/** What is submitted, stored, hashed and approved: the model is its digests. */
export const planDocument = z.strictObject({
  ...shape,
  format: z.literal('blindsum/plan/v1'),
  model: z.strictObject({
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    /** SHA-256 of the graph without its trainable values: every later version must have the same. */
    graphSha256: z.string().regex(/^[0-9a-f]{64}$/),
    bytes: z.int().min(1),
    parameterCount: z.int().min(1),
    frozen: z.array(z.string()),
  }),
})

export type PlanFile = z.infer<typeof planFile>
export type Plan = z.infer<typeof planDocument>
