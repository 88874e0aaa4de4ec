/**
 * policy.yaml: what a site permits, whatever a plan or a coordinator asks. The site owns the file; nothing in it comes from
 * anybody else, and it is read once, when the agent starts.
 */
import { z } from 'zod'
import { DEFAULT_PLAN_SIGNATURE_MAX_AGE_DAYS } from '../../shared/plan/plan-signature.ts'
import { readConfigFile } from '../../shared/runtime/config-file.ts'
import { idPattern } from './id-pattern.ts'

const MIB = 1024 * 1024
const idPatterns = z.array(idPattern).min(1).max(10_000)

const WHOM_TO_NAME = 'name who may sign plans for this site, such as [spiffe://example.org/author/bea]'
const NO_AUTHORS = `is missing, and without it no plan can be accepted: ${WHOM_TO_NAME}`
const AUTHORS_EMPTY = `is an empty list, so no plan can be accepted: ${WHOM_TO_NAME}`

export const policyFile = z.strictObject({
  // ── who ──
  /** Who may sign the plans that this site trains for: SPIFFE IDs, or patterns ending in `/*`. Required. */
  planAuthors: z
    .array(idPattern, { error: ({ input }) => (input === undefined ? NO_AUTHORS : undefined) })
    .min(1, AUTHORS_EMPTY)
    .max(1000),
  /** How long a plan's signature is good for, days. Default 90, 1 to 3650. */
  planSignatureMaxAgeDays: z.int().min(1).max(3650).default(DEFAULT_PLAN_SIGNATURE_MAX_AGE_DAYS),
  /** SHA-256 (hex) of the plan documents this site takes part in. Default any plan that the rest of the policy permits. */
  approvedPlans: z
    .array(z.string().regex(/^[0-9a-f]{64}$/, 'not a SHA-256 in lower-case hex'))
    .min(1)
    .optional(),
  /** Which coordinators this site may be configured to dial. Default the one in participant.yaml. */
  coordinators: idPatterns.optional(),
  /** Whom this site takes part with. Default everybody in its trust domain. */
  peers: idPatterns.optional(),

  // ── what is assumed of the others ──
  /** Presumed honest participants in every session this site takes part in, itself included. Default 3, floor 2. */
  minimumCohort: z.int().min(2).max(10_000).default(3),
  /** The part of a secret's holders that must not suffice to rebuild it (t/h), exclusive. Default 0.5: t > h/2. 0 to 0.99. */
  minimumThresholdFraction: z.number().min(0).max(0.99).default(0.5),
  /** Least part of the enrolled that a plan must assume to collude (γ). Default 0 (the plan decides), at most 0.5. */
  minimumGamma: z.number().min(0).max(0.5).default(0),
  /** Least part that a plan must assume to fall silent (δ). Default 0 (the plan decides), at most 0.5. */
  minimumDelta: z.number().min(0).max(0.5).default(0),
  /** Least number of colluders (C = ⌈γE⌉) that a plan must assume, absolute. Default 0 (the plan decides). */
  minimumColluders: z.int().min(0).max(10_000).default(0),
  /** Whether plans may assume a coordinator that follows the protocol. Default no. */
  allowSemiHonest: z.boolean().default(false),

  // ── how much ──
  /** Masked sessions per global model: retries with nearly the same update are an oracle. Default 2, 1 to 10. */
  sessionsPerModel: z.int().min(1).max(10).default(2),
  /** Masked sessions in any 24 hours, over all runs. Default 200, 1 to 100 000. */
  roundsPerDay: z.int().min(1).max(100_000).default(200),
  /** Most rounds a plan may have. Default 10 000. */
  maxRounds: z.int().min(1).max(100_000).default(10_000),
  /** Largest model, bytes. Default 256 MiB, 1 KiB to 1 GiB. */
  maxModelBytes: z
    .int()
    .min(1024)
    .max(1024 * MIB)
    .default(256 * MIB),

  // ── on what ──
  /** Names of the site's data sets that plans may use. Default all of them. */
  dataSets: z.array(z.string().min(1)).min(1).optional(),
})

export type PolicyConfig = z.infer<typeof policyFile>

/** Reads policy.yaml. @throws ConfigError with every problem at once. */
export function readPolicy(file: string): PolicyConfig {
  return readConfigFile(file, policyFile, 'policy').value
}
