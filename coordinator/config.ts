/**
 * The coordinator's configuration: what a person writes into coordinator.yaml. Secrets are named by file path only.
 * Unknown keys are refused; relative paths are relative to the file.
 */
import { z } from 'zod'
import { isWorkloadId } from '../shared/identity/spiffe-id.ts'
import { MASK_ENGINES } from '../shared/masks/choose-engine.ts'
import { readConfigFile } from '../shared/runtime/config-file.ts'
import { LOG_LEVELS } from '../shared/runtime/log.ts'

const MIB = 1024 * 1024
const path = z.string().min(1)
const LISTEN = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/

/** `host:port`; port 0 takes a free one, which `<dataFolder>/listening.json` then tells. */
const listenAddress = z
  .string()
  .regex(LISTEN, 'not host:port, such as 0.0.0.0:7443')
  .transform((text) => {
    const [, host = '', port = ''] = LISTEN.exec(text) ?? []
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
  })
  .refine(({ port }) => port <= 65_535, 'a port is 0 to 65535')

const identity = z.strictObject({
  /** X.509-SVID chain, PEM, the workload's certificate first. Looked at again every few seconds. */
  certificate: path,
  /** Its private key, PEM, readable by its owner only. */
  privateKey: path,
  /** SPIFFE bundle (JSON) or PEM authorities of the trust domain. */
  trustBundle: path,
  /** The one trust domain of coordinator, operators and participants; default the certificate's. */
  trustDomain: z.string().min(1).max(255).optional(),
})

const operators = z.strictObject({
  /** Where operators connect. Default loopback only. */
  listen: listenAddress.prefault('127.0.0.1:7444'),
  /** SPIFFE IDs that may operate: exact, asked at every call. */
  allow: z.array(z.string().refine(isWorkloadId, 'not the SPIFFE ID of a workload')).min(1).max(1000),
})

const limits = z.strictObject({
  /** Largest plan document, bytes. Default 1 MiB, at most 1.5 MiB: it travels in one message. */
  planBytes: z
    .int()
    .min(1024)
    .max(1.5 * MIB)
    .default(MIB),
  /** Largest model file, bytes. Default 256 MiB, at most 1 GiB. */
  modelBytes: z
    .int()
    .min(1024)
    .max(1024 * MIB)
    .default(256 * MIB),
  /** Uploads received at the same time; more wait their turn. Bounds memory: 16 MiB each. Default 64, 1 to 1000. */
  concurrentUploads: z.int().min(1).max(1000).default(64),
  /**
   * Masked inputs that were added up are kept until the sum is on disk, which is written again whenever they come to so many
   * bytes. Default 512 MiB, 1 to 1 TiB.
   */
  checkpointBytes: z
    .int()
    .min(1)
    .max(1024 * 1024 * MIB)
    .default(512 * MIB),
  /** How long a live session may go on when the coordinator is asked to stop, milliseconds. Default 10 s, 0 to 10 min. */
  drainMs: z.int().min(0).max(600_000).default(10_000),
})

const http = z.strictObject({
  /** Where `/healthz`, `/readyz` and `/metrics` are answered, without asking who calls. Default loopback only. */
  listen: listenAddress.prefault('127.0.0.1:7445'),
})

export const coordinatorConfigFile = z.strictObject({
  /** Folder of this coordinator alone: store, blobs, uploads, lock. Made when absent. */
  dataFolder: path,
  identity,
  participants: z.strictObject({
    /** Where participants connect. Default every interface, port 7443. */
    listen: listenAddress.prefault('0.0.0.0:7443'),
  }),
  operators,
  provenance: z.strictObject({
    /** ECDSA P-256 key, PEM, that signs every version; made when absent, with the public key beside it. */
    key: path,
  }),
  limits: limits.prefault({}),
  /**
   * Where masks come off a sum: `auto` on a GPU where there is one and the work is large enough, `cpu` never, `gpu` always, and
   * no start without one. Default auto.
   */
  masks: z.enum(MASK_ENGINES).default('auto'),
  /** No HTTP listener when absent; `http: {}` for one with the defaults. */
  http: http.optional(),
  /** From SIGTERM to the end of the process, at most, seconds. Default 20, 1 to 3600. */
  shutdownSeconds: z.int().min(1).max(3600).default(20),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default('info') }).prefault({}),
})

export type CoordinatorConfig = z.infer<typeof coordinatorConfigFile>

/** Reads coordinator.yaml; every path comes out absolute. @throws ConfigError with every problem at once. */
export function readCoordinatorConfig(file: string): CoordinatorConfig {
  const { value, resolvePath } = readConfigFile(file, coordinatorConfigFile)
  return {
    ...value,
    dataFolder: resolvePath(value.dataFolder),
    identity: {
      ...value.identity,
      certificate: resolvePath(value.identity.certificate),
      privateKey: resolvePath(value.identity.privateKey),
      trustBundle: resolvePath(value.identity.trustBundle),
    },
    provenance: { key: resolvePath(value.provenance.key) },
  }
}
