/**
 * A site's configuration: what its administrator writes into participant.yaml. Where the data is, what the site permits,
 * which coordinator it dials. Unknown keys are refused; relative paths are relative to the file; the private key is named by
 * path only.
 */
import { z } from 'zod'
import { isWorkloadId } from '../shared/identity/spiffe-id.ts'
import { readConfigFile } from '../shared/runtime/config-file.ts'
import { LOG_LEVELS } from '../shared/runtime/log.ts'
import type { IdentityFiles } from '../shared/transport/load-identity.ts'

const MIB = 1024 * 1024
const path = z.string().min(1)

const identity = z.strictObject({
  /** X.509-SVID chain, PEM, the workload's certificate first. Looked at again every few seconds. */
  certificate: path,
  /** Its private key, PEM, EC P-256, readable by its owner only. */
  privateKey: path,
  /** SPIFFE bundle (JSON) or PEM authorities of the trust domain: whom this site believes, whatever a coordinator says. */
  trustBundle: path,
  /** The trust domain of coordinator and sites; default the certificate's. */
  trustDomain: z.string().min(1).max(255).optional(),
})

const coordinator = z.strictObject({
  /** `host:port` to dial. The agent opens no port itself. */
  address: z
    .string()
    .regex(/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$/, 'not host:port, such as fl.example:7443'),
  /** Who must answer there: a SPIFFE ID, exact. */
  spiffeId: z
    .string()
    .refine(isWorkloadId, 'not the SPIFFE ID of a workload, such as spiffe://example.org/coordinator'),
})

const split = {
  /** Part of the examples held out for evaluation, never trained on. Default 0.2, from 0 to below 1. */
  holdOut: z.number().min(0).lt(1).default(0.2),
  /** Decides which are held out; keep it the same from round to round. Default 1, a whole number from 0. */
  seed: z.int().min(0).max(0xffff_ffff).default(1),
  /** Largest data file read, bytes. Default and most 2 GiB − 1. */
  maxFileBytes: z
    .int()
    .min(1)
    .max(2 * 1024 * MIB - 1)
    .default(2 * 1024 * MIB - 1),
}

const data = z.discriminatedUnion('format', [
  z.strictObject({
    format: z.literal('csv'),
    /** A table with a header row, for plans with tabular data. */
    path,
    ...split,
  }),
  z.strictObject({
    format: z.literal('npy'),
    /** One example per entry of the first axis, for plans with arrays. */
    features: path,
    /** One label per example. */
    labels: path,
    ...split,
  }),
])

/** `spiffe://domain/path`, exact, or ending in `/*` for everything below. */
const peerPattern = z
  .string()
  .refine((text) => isWorkloadId(text.replace(/\/\*$/, '/any')), 'not a SPIFFE ID, nor one ending in /*')

/** What the site permits, whatever a plan or the coordinator asks. */
export const policyFile = z.strictObject({
  /** Presumed honest participants in every session this site takes part in, itself included. Default 3, floor 2. */
  minimumCohort: z.int().min(2).max(10_000).default(3),
  /** Least part of the enrolled that a plan must assume to collude (γ). Default 0 (the plan decides), at most 0.5. */
  minimumGamma: z.number().min(0).max(0.5).default(0),
  /** Whether plans may assume a coordinator that follows the protocol. Default no. */
  allowSemiHonest: z.boolean().default(false),
  /** Masked sessions per global model: retries with nearly the same update are an oracle. Default 2, 1 to 10. */
  sessionsPerModel: z.int().min(1).max(10).default(2),
  /** Whom this site takes part with: SPIFFE IDs, or patterns ending in `/*`. Default everybody in its trust domain. */
  peers: z.array(peerPattern).min(1).max(10_000).optional(),
  /** SHA-256 (hex) of the plan documents this site takes part in. Default any plan that the rest of the policy permits. */
  approvedPlans: z
    .array(z.string().regex(/^[0-9a-f]{64}$/, 'not a SHA-256 in lower-case hex'))
    .min(1)
    .optional(),
  /** Largest model, bytes. Default 256 MiB, 1 KiB to 1 GiB. */
  maxModelBytes: z
    .int()
    .min(1024)
    .max(1024 * MIB)
    .default(256 * MIB),
  /** Most rounds a plan may have. Default 10 000. */
  maxRounds: z.int().min(1).max(100_000).default(10_000),
})

const training = z.strictObject({
  /** Threads of the training process. Default 1, 1 to 256. */
  threads: z.int().min(1).max(256).default(1),
  /** Memory at which the training process is stopped, MiB. Default 4096, 256 to 1 048 576. */
  memoryMiB: z.int().min(256).max(1_048_576).default(4096),
  /** Time after which the training of one round is stopped, seconds. Default 3600, 10 to 604 800. */
  wallClockSeconds: z.int().min(10).max(604_800).default(3600),
})

export const participantConfigFile = z.strictObject({
  /** Folder of this agent alone: journal and lock. Made when absent; keep it from restart to restart. */
  dataFolder: path,
  identity,
  coordinator,
  data,
  policy: policyFile.prefault({}),
  training: training.prefault({}),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default('info') }).prefault({}),
})

export type ParticipantConfig = z.infer<typeof participantConfigFile>
export type PolicyConfig = z.infer<typeof policyFile>

/** The identity's files as the transport wants them. */
export function identityFiles({ identity }: Pick<ParticipantConfig, 'identity'>): IdentityFiles {
  const { trustDomain, ...files } = identity
  return trustDomain === undefined ? files : { ...files, trustDomain }
}

/** Reads participant.yaml; every path comes out absolute. @throws ConfigError with every problem at once. */
export function readParticipantConfig(file: string): ParticipantConfig {
  const { value, resolvePath } = readConfigFile(file, participantConfigFile)
  const { certificate, privateKey, trustBundle } = value.identity
  return {
    ...value,
    dataFolder: resolvePath(value.dataFolder),
    identity: {
      ...value.identity,
      certificate: resolvePath(certificate),
      privateKey: resolvePath(privateKey),
      trustBundle: resolvePath(trustBundle),
    },
    data:
      value.data.format === 'csv'
        ? { ...value.data, path: resolvePath(value.data.path) }
        : { ...value.data, features: resolvePath(value.data.features), labels: resolvePath(value.data.labels) },
  }
}
