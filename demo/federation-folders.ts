/**
 * Lays out the demo on disk: one folder per process with its own config, identity and data, as if each stood on a machine
 * of its own. Nobody's folder names a file of another's.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { initAuthority, issueSvid } from '../shared/authority/authority-folder.ts'
import { COORDINATOR_ID, OPERATOR_ID, siteId, TRUST_DOMAIN } from './sites.ts'

/** Absolute paths of the demo's folders. */
export interface DemoFolders {
  readonly root: string
  readonly authority: string
  readonly coordinator: string
  readonly operator: string
  readonly auditor: string
  readonly site: (name: string) => string
}

/** A demo certificate outlives the demo, not the day. */
const LIFETIME_MS = 4 * 3_600_000
/** Each site keeps a twentieth of its images to judge the global model by; which ones, the seed decides. */
export const HOLD_OUT = 0.05
export const DATA_SEED = 1

export function demoFolders(root: string): DemoFolders {
  return {
    root,
    authority: join(root, 'authority'),
    coordinator: join(root, 'coordinator'),
    operator: join(root, 'operator-ada'),
    auditor: join(root, 'auditor'),
    site: (name) => join(root, `site-${name}`),
  }
}

/** Makes the trust domain: the authority, and an identity in the folder of every workload. */
export async function issueIdentities(folders: DemoFolders, sites: readonly string[]): Promise<void> {
  await initAuthority({ folder: folders.authority, trustDomain: TRUST_DOMAIN })
  const workloads = [
    { spiffeId: COORDINATOR_ID, folder: folders.coordinator },
    { spiffeId: OPERATOR_ID, folder: folders.operator },
    ...sites.map((name) => ({ spiffeId: siteId(name), folder: folders.site(name) })),
  ]
  for (const { spiffeId, folder } of workloads) {
    const out = join(folder, 'identity')
    await issueSvid({ folder: folders.authority, spiffeId, out, lifetimeMs: LIFETIME_MS })
  }
}

/** Ports are the system's choice; the coordinator writes them into data/listening.json. */
export function writeCoordinatorConfig(folders: DemoFolders): string {
  return writeConfig(folders.coordinator, 'coordinator.yaml', {
    dataFolder: './data',
    identity: { ...IDENTITY, trustDomain: TRUST_DOMAIN },
    participants: { listen: '127.0.0.1:0' },
    operators: { listen: '127.0.0.1:0', allow: [OPERATOR_ID] },
    provenance: { key: './signing.pem' },
  })
}

export function writeParticipantConfig(folders: DemoFolders, name: string, address: string): string {
  writeConfig(folders.site(name), 'policy.yaml', { planAuthors: [OPERATOR_ID], minimumCohort: 3, sessionsPerModel: 3 })
  return writeConfig(folders.site(name), 'participant.yaml', {
    dataFolder: './data',
    identity: { ...IDENTITY, trustDomain: TRUST_DOMAIN },
    coordinator: { address, spiffeId: COORDINATOR_ID },
    data: {
      default: {
        format: 'npy',
        features: './digits/images.npy',
        labels: './digits/labels.npy',
        holdOut: HOLD_OUT,
        seed: DATA_SEED,
      },
    },
    policy: './policy.yaml',
  })
}

export function writeOperatorConfig(folders: DemoFolders, address: string): string {
  return writeConfig(folders.operator, 'operator.yaml', { address, serverId: COORDINATOR_ID, identity: './identity' })
}

/** What an auditor got from people, not from the folder to be judged: the signer's public key and the sites' bundle. */
export function writeTrustAnchors(folders: DemoFolders): { readonly key: string; readonly trustBundle: string } {
  mkdirSync(folders.auditor, { recursive: true, mode: 0o700 })
  const anchors = {
    key: join(folders.auditor, 'coordinator.pub.pem'),
    trustBundle: join(folders.auditor, 'sites.bundle.json'),
  }
  copyFileSync(join(folders.coordinator, 'signing.pub.pem'), anchors.key)
  copyFileSync(join(folders.authority, 'bundle.json'), anchors.trustBundle)
  return anchors
}

const IDENTITY = {
  certificate: './identity/svid.pem',
  privateKey: './identity/svid.key',
  trustBundle: './identity/bundle.json',
}

function writeConfig(folder: string, name: string, content: object): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, name)
  writeFileSync(path, stringify(content))
  return path
}
