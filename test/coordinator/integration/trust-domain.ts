/** A trust domain of certificates in a temporary folder: one coordinator, two operators (one of them a stranger), sites. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initAuthority, issueSvid } from '../../../shared/authority/authority-folder.ts'

export const TRUST_DOMAIN = 'lab.example'
export const COORDINATOR_ID = `spiffe://${TRUST_DOMAIN}/coordinator`
export const OPERATOR_ID = `spiffe://${TRUST_DOMAIN}/operator/ada`
export const STRANGER_ID = `spiffe://${TRUST_DOMAIN}/operator/eve`
export const SITES = ['east', 'north', 'south', 'west', 'zenith'].map((name) => `spiffe://${TRUST_DOMAIN}/site/${name}`)

export interface TrustDomainFolder {
  readonly folder: string
  /** Paths as a configuration names them. */
  filesOf(spiffeId: string): { certificate: string; privateKey: string; trustBundle: string; trustDomain: string }
  remove(): Promise<void>
}

export async function makeTrustDomain(ids: readonly string[] = SITES): Promise<TrustDomainFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'blindsum-coordinator-'))
  const authority = join(folder, 'ca')
  await initAuthority({ folder: authority, trustDomain: TRUST_DOMAIN })
  const folderOf = (spiffeId: string) => join(folder, 'identities', spiffeId.split('/').slice(3).join('-'))
  for (const spiffeId of [COORDINATOR_ID, OPERATOR_ID, STRANGER_ID, ...ids]) {
    await issueSvid({ folder: authority, spiffeId, out: folderOf(spiffeId) })
  }
  return {
    folder,
    filesOf: (spiffeId) => ({
      certificate: join(folderOf(spiffeId), 'svid.pem'),
      privateKey: join(folderOf(spiffeId), 'svid.key'),
      trustBundle: join(folderOf(spiffeId), 'bundle.json'),
      trustDomain: TRUST_DOMAIN,
    }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
