/** A data folder as a coordinator leaves it: one finished run of real agents, copied for each test that spoils it. */
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { connectOperator, startAgent, startLab } from '../integration/lab.ts'
import { MODEL, makePlan, planDocumentOf } from '../integration/plans.ts'
import { makeTrustDomain, SITES, type TrustDomainFolder } from '../integration/trust-domain.ts'

export interface StockedFolder {
  readonly domain: TrustDomainFolder
  readonly keyFile: string
  /** A copy of the data folder, to be changed at will. */
  copy(): string
  remove(): Promise<void>
}

/** The same, stopped in a session: all masked inputs but one are there. */
export async function stockLiveFolder(): Promise<StockedFolder> {
  const domain = await makeTrustDomain()
  const coordinator = await startLab(domain, { limits: { drainMs: 0 } })
  const held = Promise.withResolvers<void>()
  const drill = { reach: (point: string) => (point === 'hold-before-upload' ? held.promise : Promise.resolve()) }
  const agents = SITES.map((spiffeId, place) =>
    startAgent(domain, { spiffeId, address: coordinator.participantsAddress, ...(place === 0 ? { drill } : {}) }),
  )
  const lab = connectOperator(domain, coordinator.operatorsAddress)
  const { runId } = await lab.submit(planDocumentOf(makePlan({ name: 'live', rounds: 1 })), MODEL)
  for await (const { kind, body } of lab.operator.watch(runId, 0)) {
    const { stage, answered } = JSON.parse(body)
    if (kind === 'stage' && stage === 'mask-input' && answered === SITES.length - 1) break
  }
  lab.close()
  await coordinator.close()
  held.resolve()
  await Promise.all(agents.map((agent) => agent.stop()))
  return copiesOf(domain)
}

/** Plays one run of two rounds. */
export async function stockFolder(): Promise<StockedFolder> {
  const domain = await makeTrustDomain()
  const coordinator = await startLab(domain)
  const agents = SITES.map((spiffeId) => startAgent(domain, { spiffeId, address: coordinator.participantsAddress }))
  const lab = connectOperator(domain, coordinator.operatorsAddress)
  const { runId } = await lab.submit(planDocumentOf(makePlan({ name: 'stocked', rounds: 2 })), MODEL)
  for await (const _event of lab.operator.watch(runId, 0)) {
    // To its end.
  }
  lab.close()
  await Promise.all(agents.map((agent) => agent.stop()))
  await coordinator.close()
  return copiesOf(domain)
}

function copiesOf(domain: TrustDomainFolder): StockedFolder {
  const copies = mkdtempSync(join(tmpdir(), 'blindsum-data-folder-'))
  let made = 0
  return {
    domain,
    keyFile: join(domain.folder, 'signing.pem'),
    copy() {
      made += 1
      const folder = join(copies, String(made))
      cpSync(join(domain.folder, 'coordinator'), folder, { recursive: true })
      chmodSync(folder, 0o700)
      return folder
    },
    async remove() {
      rmSync(copies, { recursive: true })
      await domain.remove()
    },
  }
}

/** Changes the store as nothing of ours would. */
export function spoilStore(dataFolder: string, sql: string): void {
  const database = new DatabaseSync(join(dataFolder, 'coordinator.sqlite'))
  database.exec(`PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; ${sql}`)
  database.close()
}

/** Files of the blob folder that a row of this column names. */
export function blobOf(dataFolder: string, column: string, version: number): string {
  const database = new DatabaseSync(join(dataFolder, 'coordinator.sqlite'), { readOnly: true })
  const digest = String(
    database.prepare(`SELECT ${column} AS digest FROM version WHERE version = ?`).get(version)?.digest,
  )
  database.close()
  return join(dataFolder, 'blobs', digest.slice(0, 2), digest)
}

/** Every file below, with its path. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

/** Puts other bytes in a file's place. */
export function overwrite(file: string, text = 'other bytes'): void {
  writeFileSync(file, text)
}
