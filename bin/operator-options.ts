/**
 * How an operator's command reaches the coordinator: an operator.yaml with address, expected SPIFFE ID and own identity,
 * each of which an option can replace.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type ConfigFile, readConfigFile } from '../shared/runtime/config-file.ts'
import type { IdentityFiles } from '../shared/transport/load-identity.ts'
import { UsageError } from './command-line.ts'

/** The default place of the connection file, in the working directory. */
const DEFAULT_FILE = 'operator.yaml'

export const OPERATOR_OPTIONS = {
  operator: { type: 'string', value: 'FILE', about: `connection file; default ./${DEFAULT_FILE}` },
  coordinator: { type: 'string', value: 'HOST:PORT', about: 'the coordinator’s operator port' },
  'server-id': { type: 'string', value: 'ID', about: 'the coordinator’s SPIFFE ID' },
  identity: { type: 'string', value: 'FOLDER', about: 'own svid.pem, svid.key and bundle.json' },
} as const

/** operator.yaml. Paths are meant from its folder. */
export const operatorFile = z.strictObject({
  /** host:port of the coordinator's operator listener. */
  address: z.string().min(3),
  /** The only SPIFFE ID that will be spoken to. */
  serverId: z.string().startsWith('spiffe://'),
  /** A folder as `blindsum ca issue` makes it, or the three files by name. */
  identity: z.union([
    z.string().min(1),
    z.strictObject({ certificate: z.string(), privateKey: z.string(), trustBundle: z.string() }),
  ]),
})

export interface OperatorConnection {
  readonly address: string
  readonly serverId: string
  readonly identity: IdentityFiles
}

type OptionValues = { readonly [Name in keyof typeof OPERATOR_OPTIONS]: string | undefined }

/** Puts file and options together. Throws UsageError when neither names everything, ConfigError for a bad file. */
export function operatorConnection(values: OptionValues): OperatorConnection {
  const path = values.operator ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined)
  const file = path === undefined ? undefined : readConfigFile(path, operatorFile)
  const address = values.coordinator ?? file?.value.address
  const serverId = values['server-id'] ?? file?.value.serverId
  const identity = values.identity === undefined ? file && identityFiles(file) : folderFiles(values.identity)
  if (address === undefined || serverId === undefined || identity === undefined) {
    throw new UsageError('say where the coordinator is: --operator FILE, or --coordinator, --server-id and --identity')
  }
  return { address, serverId, identity }
}

function identityFiles({ value: { identity }, resolvePath }: ConfigFile<z.infer<typeof operatorFile>>): IdentityFiles {
  if (typeof identity === 'string') return folderFiles(resolvePath(identity))
  const { certificate, privateKey, trustBundle } = identity
  return {
    certificate: resolvePath(certificate),
    privateKey: resolvePath(privateKey),
    trustBundle: resolvePath(trustBundle),
  }
}

/** The files in a folder as `blindsum ca issue` makes it. */
export function folderFiles(folder: string): IdentityFiles {
  return {
    certificate: join(folder, 'svid.pem'),
    privateKey: join(folder, 'svid.key'),
    trustBundle: join(folder, 'bundle.json'),
  }
}
