/**
 * What the store says, held against itself: the file's own integrity, plans against their digests, runs against their
 * versions, and every publication against the one event that told of it.
 */
import { encodeHex } from '../../shared/crypto/digest.ts'
import { parsePlan, planDigest } from '../../shared/plan/plan-document.ts'
import { SCHEMA_VERSION } from '../store/migrations.ts'
import { type FolderFinding, finding, noted } from './finding.ts'
import { type Row, type StoredRows, storeDamage } from './stored-rows.ts'

const PROBLEMS_SHOWN = 20

export function checkSchema({ schemaVersion }: StoredRows): FolderFinding {
  const detail = `version ${schemaVersion}, this software writes ${SCHEMA_VERSION}`
  if (schemaVersion > SCHEMA_VERSION) return finding('schema', detail, ['newer software wrote the store: use that'])
  const isOlder = schemaVersion < SCHEMA_VERSION
  return noted('schema', detail, isOlder ? ['brought up to date when the coordinator starts'] : [])
}

export function checkIntegrity(storeFile: string): FolderFinding {
  return finding('database', 'pages, indexes and references', storeDamage(storeFile, PROBLEMS_SHOWN))
}

export function checkPlans(stored: StoredRows): FolderFinding {
  const plans = stored.rows('plan')
  const problems = plans.flatMap(({ digest, document }) => {
    const bytes = new TextEncoder().encode(String(document))
    if (encodeHex(planDigest(bytes)) !== digest) return [`plan ${digest} has other bytes than those stored`]
    try {
      parsePlan(bytes)
      return []
    } catch (error) {
      return [`plan ${digest} cannot be read: ${(error as Error).message.split('\n')[0]}`]
    }
  })
  return finding('plans', `${plans.length} plans`, problems)
}

/** Each run: versions without a gap, events without a gap, one publication each, and an end that fits. */
export function checkRuns(stored: StoredRows): FolderFinding {
  const versions = byRun(stored.rows('version', 'ORDER BY run_id, version'))
  const events = byRun(stored.rows('run_event', 'ORDER BY run_id, sequence'))
  const plans = new Map(stored.rows('plan').map(({ digest, document }) => [digest, String(document)]))
  const runs = stored.rows('run')
  const problems = runs.flatMap((run) => {
    const of = { run, versions: versions.get(run.id) ?? [], events: events.get(run.id) ?? [] }
    return [...runProblems(of, plans.get(run.plan_digest ?? '') ?? ''), ...publicationProblems(of)]
  })
  return finding('runs', `${runs.length} runs, ${[...versions.values()].flat().length} versions`, problems)
}

/** Sessions that have not ended: at most one per run, and a row of its own for each. */
export function checkAttempts(stored: StoredRows): FolderFinding {
  const live = stored.rows('session_attempt', `WHERE outcome = 'live'`)
  const rows = new Set(stored.rows('live_session').map(({ session_id }) => session_id))
  const forgotten = live.filter(({ session_id }) => !rows.has(session_id))
  const problems = [...byRun(live.filter(({ session_id }) => rows.has(session_id)))]
    .filter(([, attempts]) => attempts.length > 1)
    .map(([run, attempts]) => `run ${run} has ${attempts.length} live sessions`)
  const ended = new Set(live.map(({ session_id }) => session_id))
  for (const id of rows) if (!ended.has(id)) problems.push(`session ${id} has ended, and is kept as a live one`)
  if (problems.length > 0) return finding('sessions', `${live.length} live`, problems)
  const told = forgotten.map(({ session_id }) => `session ${session_id} ends at the next start: it was not kept`)
  return noted('sessions', `${live.length} live`, told)
}

interface RunRows {
  readonly run: Row
  readonly versions: readonly Row[]
  readonly events: readonly Row[]
}

function runProblems({ run, versions, events }: RunRows, document: string): string[] {
  const problems: string[] = []
  const gap = versions.findIndex(({ version }, place) => version !== place)
  if (versions.length === 0) problems.push(`run ${run.name} has no version 0`)
  else if (gap >= 0) problems.push(`run ${run.name} has no version ${gap}, but later ones`)
  const hole = events.findIndex(({ sequence }, place) => sequence !== place + 1)
  if (hole >= 0) problems.push(`run ${run.name} has no event ${hole + 1}, but later ones`)
  if (run.state !== 'completed') return problems
  const rounds = roundsOf(document)
  if (rounds !== null && versions.at(-1)?.version !== rounds) {
    problems.push(`run ${run.name} is completed at version ${versions.at(-1)?.version}, its plan has ${rounds} rounds`)
  }
  if (run.final_evaluated !== 1) problems.push(`run ${run.name} is completed without its last session`)
  return problems
}

/** Row and event of a version appear together or not at all. */
function publicationProblems({ run, versions, events }: RunRows): string[] {
  const told = new Map<number, string[]>()
  for (const { kind, body } of events) {
    if (kind !== 'version_published') continue
    const { version, modelSha256 } = parsed(body)
    told.set(Number(version), [...(told.get(Number(version)) ?? []), String(modelSha256)])
  }
  const problems = versions.flatMap(({ version, model_digest }) => {
    const models = told.get(Number(version)) ?? []
    told.delete(Number(version))
    if (version === 0) return models.length === 0 ? [] : [`run ${run.name}: version 0 was told of as published`]
    if (models.length !== 1) return [`run ${run.name}: version ${version} was told of ${models.length} times`]
    return models[0] === model_digest ? [] : [`run ${run.name}: version ${version} was told of with another model`]
  })
  const unborn = [...told.keys()].map((version) => `run ${run.name}: version ${version} was told of and is not there`)
  return [...problems, ...unborn]
}

function roundsOf(document: string): number | null {
  const { rounds } = parsed(document)
  return typeof rounds === 'number' ? rounds : null
}

function parsed(text: Row[string] | undefined): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(String(text))
  } catch {
    return {}
  }
}

function byRun(rows: readonly Row[]): Map<Row[string] | undefined, Row[]> {
  const groups = new Map<Row[string] | undefined, Row[]>()
  for (const row of rows) {
    const group = groups.get(row.run_id) ?? []
    group.push(row)
    groups.set(row.run_id, group)
  }
  return groups
}
