/**
 * A site's configuration: what its administrator writes into participant.yaml. Where the data is, which coordinator it
 * dials, and where its policy stands. Unknown keys are refused; relative paths are relative to the file; the private key is
 * named by path only.
 */
import { z } from 'zod'
import { ConfigError } from '../shared/errors.ts'
import { isWorkloadId } from '../shared/identity/spiffe-id.ts'
import { DATA_SET_NAME } from '../shared/plan/data-spec.ts'
import { readConfigFile } from '../shared/runtime/config-file.ts'
import { LOG_LEVELS } from '../shared/runtime/log.ts'
import type { IdentityFiles } from '../shared/transport/load-identity.ts'
import { refuseCoordinator } from './policy/peers.ts'
import { type PolicyConfig, readPolicy } from './policy/policy-file.ts'

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

const NOT_A_SET = 'not a data set: data sets have names, so write data: {default: {format: csv, path: …}}'

const dataSet = z.discriminatedUnion(
  'format',
  [
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
  ],
  { error: ({ input }) => (typeof input === 'object' && input !== null ? undefined : NOT_A_SET) },
)

/** The site's data sets, by the names that plans call them: "default" where a plan says nothing. */
const data = z
  .record(z.string().regex(DATA_SET_NAME, 'lower-case letters, digits and hyphens, at most 63'), dataSet)
  .refine((sets) => Object.keys(sets).length > 0, 'names no data set')

const POLICY_IS_A_FILE =
  'the policy is a file of its own: move these lines into policy.yaml, and write policy: policy.yaml here'
const POLICY_MISSING = 'is missing: name the file with what this site permits, such as policy.yaml'

const training = z.strictObject({
  /** Threads of the training process. Default 1, 1 to 256. */
  threads: z.int().min(1).max(256).default(1),
  /** Memory at which the training process is stopped, MiB. Default 4096, 256 to 1 048 576. */
  memoryMiB: z.int().min(256).max(1_048_576).default(4096),
  /** Time after which the training of one round is stopped, seconds. Default 3600, 10 to 604 800. */
  wallClockSeconds: z.int().min(10).max(604_800).default(3600),
  /** How often a training is kept on the disk, to go on from after a crash, seconds. Default 30, 1 to 86 400. */
  checkpointSeconds: z.int().min(1).max(86_400).default(30),
})

export const participantConfigFile = z.strictObject({
  /** Folder of this agent alone: journal, lock, and what it has trained and not yet given. Made when absent; keep it from restart to restart. */
  dataFolder: path,
  identity,
  coordinator,
  data,
  /** policy.yaml: what the site permits, whatever anybody asks. See policy/policy-file.ts. */
  policy: z
    .string({ error: ({ input }) => (input === undefined ? POLICY_MISSING : POLICY_IS_A_FILE) })
    .min(1, POLICY_MISSING),
  training: training.prefault({}),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default('info') }).prefault({}),
})

type WrittenConfig = z.infer<typeof participantConfigFile>
export type DataSets = WrittenConfig['data']
export type ParticipantConfig = Omit<WrittenConfig, 'policy'> & { readonly policy: PolicyConfig }

/** The identity's files as the transport wants them. */
export function identityFiles({ identity }: Pick<ParticipantConfig, 'identity'>): IdentityFiles {
  const { trustDomain, ...files } = identity
  return trustDomain === undefined ? files : { ...files, trustDomain }
}

/**
 * Reads participant.yaml and the policy it names; every path comes out absolute.
 * @throws ConfigError with every problem of a file at once; `coordinator_not_permitted`, `data_set_unknown` when the two
 * files disagree.
 */
export function readParticipantConfig(file: string): ParticipantConfig {
  const { value, resolvePath } = readConfigFile(file, participantConfigFile)
  const { certificate, privateKey, trustBundle } = value.identity
  const policyPath = resolvePath(value.policy)
  const policy = readPolicy(policyPath)
  checkAgreement(value, policy, { file, policyPath })
  return {
    ...value,
    dataFolder: resolvePath(value.dataFolder),
    identity: {
      ...value.identity,
      certificate: resolvePath(certificate),
      privateKey: resolvePath(privateKey),
      trustBundle: resolvePath(trustBundle),
    },
    data: Object.fromEntries(Object.entries(value.data).map(([name, set]) => [name, resolveSet(set, resolvePath)])),
    policy,
  }
}

function resolveSet(set: DataSets[string], resolvePath: (path: string) => string): DataSets[string] {
  if (set.format === 'csv') return { ...set, path: resolvePath(set.path) }
  return { ...set, features: resolvePath(set.features), labels: resolvePath(set.labels) }
}

/** What the policy says of the configuration itself. */
function checkAgreement(
  { coordinator, data }: WrittenConfig,
  policy: PolicyConfig,
  { file, policyPath }: { readonly file: string; readonly policyPath: string },
): void {
  const objection = refuseCoordinator(policy, coordinator.spiffeId)
  if (objection !== null) throw new ConfigError(objection.code, `${file}: coordinator.spiffeId: ${objection.message}`)
  const unknown = (policy.dataSets ?? []).filter((name) => !Object.hasOwn(data, name))
  if (unknown.length === 0) return
  const known = Object.keys(data).join(', ')
  throw new ConfigError(
    'data_set_unknown',
    unknown.map((name) => `${policyPath}: dataSets: ${file} has no data set "${name}"; it has ${known}`),
  )
}
