/**
 * Looks at all of a data folder and changes nothing. A coordinator may be running on it: then what it is writing at the
 * moment can be listed as unnamed, and nothing else differs.
 */
import { createPublicKey } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { ConfigError } from '../../shared/errors.ts'
import { type ProvenanceKey, parseProvenanceKey } from '../../shared/provenance/verify/public-key.ts'
import { publicKeyFileOf } from '../provenance/key-file.ts'
import { checkBlobs, namedBlobs, unnamedBlobs } from './check-blobs.ts'
import { checkHistory } from './check-history.ts'
import { checkAttempts, checkIntegrity, checkPlans, checkRuns, checkSchema } from './check-rows.ts'
import { checkSpool } from './check-spool.ts'
import { type FolderFinding, finding, noted } from './finding.ts'
import { refuseForeignSchema } from './known-schema.ts'
import { KNOWN_ENTRIES, storeFileOf } from './layout.ts'
import { openStoredRows, refuseForeignStore, type StoredRows } from './stored-rows.ts'

export interface CheckRequest {
  readonly dataFolder: string
  /** Private key file of the coordinator; the public one lies beside it. */
  readonly keyFile: string
}

/** What was found, check by check; `onFinding` hears of each as it is made. */
export async function checkDataFolder(
  { dataFolder, keyFile }: CheckRequest,
  onFinding: (found: FolderFinding) => void = () => {},
): Promise<readonly FolderFinding[]> {
  const findings: FolderFinding[] = []
  const found = (...some: readonly FolderFinding[]) => {
    for (const one of some) {
      findings.push(one)
      onFinding(one)
    }
  }
  found(checkFolder(dataFolder))
  const storeFile = storeFileOf(dataFolder)
  let stored: StoredRows
  try {
    refuseForeignStore(storeFile, 'missing')
    // Before anything else of the file is read: a schema can hold expressions that reading it would compute.
    unlessDamaged(() => refuseForeignSchema(storeFile))
    found(await guarded('database', () => checkIntegrity(storeFile)))
    stored = openStoredRows(storeFile)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    found(finding('store', 'coordinator.sqlite', [`${error.code}: ${error.message}`]))
    return findings
  }
  try {
    found(checkSchema(stored))
    await checkContents({ dataFolder, keyFile }, stored, found)
    return findings
  } finally {
    stored.close()
  }
}

async function checkContents(
  { dataFolder, keyFile }: CheckRequest,
  stored: StoredRows,
  found: (...some: readonly FolderFinding[]) => void,
): Promise<void> {
  found(await guarded('plans', () => checkPlans(stored)))
  found(await guarded('runs', () => checkRuns(stored)))
  found(await guarded('sessions', () => checkAttempts(stored)))
  const named = namedBlobs(stored)
  found(await guarded('blobs', () => checkBlobs(dataFolder, named)))
  found(await guarded('blobs unnamed', () => unnamedBlobs(dataFolder, named)))
  found(await guarded('history', () => historyWithKey(dataFolder, stored, keyFile)))
  for (const one of await checkSpool(dataFolder, stored)) found(one)
}

/** What is damaged is found by the check of the database. */
function unlessDamaged(look: () => void): void {
  try {
    look()
  } catch (error) {
    if (error instanceof ConfigError) throw error
  }
}

function historyWithKey(dataFolder: string, stored: StoredRows, keyFile: string): FolderFinding {
  if (stored.rows('version', 'LIMIT 1').length === 0) return finding('history', 'no version yet')
  return checkHistory(dataFolder, stored, provenanceKeyBeside(keyFile))
}

/** A check that cannot be made, because what it reads is spoilt, is broken; the others go on. */
async function guarded(check: string, look: () => Promise<FolderFinding> | FolderFinding): Promise<FolderFinding> {
  try {
    return await look()
  } catch (error) {
    return finding(check, 'could not be looked at', [(error as Error).message.split('\n')[0] ?? ''])
  }
}

/** The public key of a key file: that beside it, else made from the private one. @throws ConfigError. */
export function provenanceKeyBeside(keyFile: string): ProvenanceKey {
  try {
    return parseProvenanceKey(readFileSync(publicKeyFileOf(keyFile), 'utf8'))
  } catch (error) {
    if (error instanceof ConfigError) throw error
  }
  try {
    const key = createPublicKey(readFileSync(keyFile))
    return parseProvenanceKey(key.export({ type: 'spki', format: 'pem' }).toString())
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    const problem = `neither ${publicKeyFileOf(keyFile)} nor ${keyFile} can be read: nothing says whose signatures to expect`
    throw new ConfigError('signing_key_missing', problem, { cause })
  }
}

/** The folder is this user's own, and holds nothing else. */
function checkFolder(dataFolder: string): FolderFinding {
  let entries: string[]
  try {
    entries = readdirSync(dataFolder)
  } catch (error) {
    return finding('folder', dataFolder, [`cannot be listed: ${(error as Error).message}`])
  }
  const problems = entries
    .filter((name) => !KNOWN_ENTRIES.has(name))
    .map((name) => `${name} is none of the coordinator's`)
  const mode = statSync(dataFolder).mode & 0o077
  if (process.platform !== 'win32' && mode !== 0) problems.push(`others can look into it: chmod 700 ${dataFolder}`)
  return noted('folder', dataFolder, problems)
}
