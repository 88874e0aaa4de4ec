/**
 * What has to be true of a coordinator killed at each of its drill points and started again: the same session goes on to
 * its exact sum, nobody trains again, every version is there once, and nothing is left behind.
 */
import { expect } from 'vitest'
import type { CoordinatorDrillPoint } from '../../coordinator/drill.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { denseClassifier } from '../../shared/onnx/model-writer.ts'
import { extractParameters } from '../../shared/onnx/parameters.ts'
import { encodingOf } from '../../shared/plan/plan-rules.ts'
import { makePlan, type PlanChanges, planDocumentOf } from '../coordinator/integration/plans.ts'
import { type CoordinatorKillLab, FOUR } from './coordinator-kill-lab.ts'

export interface CoordinatorKill {
  readonly point: CoordinatorDrillPoint
  /** Where the session is gone on with; `null` when it had ended before the kill. */
  readonly resumedAt: string | null
}

export const COORDINATOR_KILLS: readonly CoordinatorKill[] = [
  { point: 'hold-after-commit-attempt-begun', resumedAt: 'prepare' },
  { point: 'hold-after-commit-session-opened', resumedAt: 'advertise-keys' },
  { point: 'hold-after-commit-advertised', resumedAt: 'advertise-keys' },
  { point: 'hold-after-commit-closed-advertise-keys', resumedAt: 'share-keys' },
  { point: 'hold-after-commit-dealt', resumedAt: 'share-keys' },
  { point: 'hold-after-commit-closed-share-keys', resumedAt: 'mask-input' },
  { point: 'hold-mid-upload', resumedAt: 'mask-input' },
  { point: 'hold-before-contribution', resumedAt: 'mask-input' },
  { point: 'hold-after-commit-contributed', resumedAt: 'mask-input' },
  { point: 'hold-before-sum-row', resumedAt: 'mask-input' },
  { point: 'hold-after-sum-row', resumedAt: 'mask-input' },
  { point: 'hold-after-commit-closed-mask-input', resumedAt: 'attest-survivors' },
  { point: 'hold-after-commit-attested', resumedAt: 'attest-survivors' },
  { point: 'hold-after-commit-closed-attest-survivors', resumedAt: 'reveal-shares' },
  { point: 'hold-after-commit-revealed', resumedAt: 'reveal-shares' },
  { point: 'hold-after-commit-closed-reveal-shares', resumedAt: 'unmask' },
  { point: 'hold-mid-unmask', resumedAt: 'unmask' },
  { point: 'hold-before-publication', resumedAt: 'unmask' },
  { point: 'hold-before-version-row', resumedAt: 'unmask' },
  { point: 'hold-after-version-row', resumedAt: null },
]

/** Whatever the coordinator does after a hold of a message's commit may come before the kill: a stage may have closed. */
const MAY_HAVE_CLOSED = new Set(['hold-before-sum-row', 'hold-after-sum-row'])

/** A block of an upload is 1 MiB; this many hidden units, twice, make an update of two blocks. */
const HIDDEN_OF_TWO_BLOCKS = 700
let models = 0

/** A plan and its model; every run has a model of its own, so that sites masked nothing on it before. */
export function runOf(name: string, changes: PlanChanges & { readonly hidden?: number } = {}) {
  models += 1
  const layers = [4, ...(changes.hidden === undefined ? [3 + models] : [changes.hidden, changes.hidden]), 2]
  const model = denseClassifier({ layers, activation: 'relu', seed: models })
  const timing = { stageDeadlineMs: 50_000, trainDeadlineMs: 50_000, joinGraceMs: 20_000, ...changes.timing }
  const plan = makePlan({ rounds: 1, ...changes, name, participants: { enrolled: FOUR }, timing }, model)
  return { plan, model, document: planDocumentOf(plan) }
}

/** Plays a run of one round, the coordinator killed at the point in it and started again; checks everything. */
export async function killCoordinatorAndGoOn(lab: CoordinatorKillLab, kill: CoordinatorKill): Promise<void> {
  const { point, resumedAt } = kill
  const isLong = point === 'hold-mid-upload'
  const big = { hidden: HIDDEN_OF_TWO_BLOCKS, aggregation: { clipNorm: 1000 } }
  const { plan, model, document } = runOf(point, isLong ? big : {})
  const trainedBefore = lab.agents.map(({ trained }) => trained.length)
  await lab.start(`${point}@1`)
  await lab.operate(({ submit }) => submit(document, model))
  await lab.coordinator.until('drill: holding')
  await lab.end('SIGKILL')

  const killed = lab.readStore()
  const runId = String(killed.attempts.at(-1)?.run_id)
  const sessions = killed.attempts.filter((attempt) => attempt.run_id === runId)
  expect(sessions).toHaveLength(1)
  const session = sessions[0]?.session_id
  if (isLong) expect(killed.blocks.length).toBeGreaterThan(0)

  await lab.start()
  const said = lab.coordinator.lines.filter(({ msg }) => msg.startsWith('resumed session'))
  const events = await lab.events(point)
  const resumed = events.filter(({ kind }) => kind === 'session_resumed').map(({ body }) => body)
  if (resumedAt === null) expect(resumed).toEqual([])
  else {
    const stage = MAY_HAVE_CLOSED.has(point) ? expect.any(String) : resumedAt
    expect(resumed).toEqual([{ round: 1, attempt: 1, session, stage }])
    expect(said).toHaveLength(1)
  }
  expect(events.filter(({ kind }) => kind === 'session_aborted')).toEqual([])
  expect(events.at(-1)).toMatchObject({ kind: 'run_completed' })
  const published = events.filter(({ kind }) => kind === 'version_published').map(({ body }) => body)
  expect(published).toMatchObject([{ version: 1, roster: 4, survivors: 4 }])

  const trained = lab.agents.map((agent, place) => agent.trained.slice(trainedBefore[place]))
  expect(trained.map((updates) => updates.map(({ round }) => round))).toEqual(FOUR.map(() => [1, 2]))
  const after = await lab.verifiedParameters(point, 1)
  const before = extractParameters(decodeModel(model), []).values
  const weight = trained.reduce((sum, [one]) => sum + (one?.examples ?? 0), 0)
  expect(published[0]?.metrics).toMatchObject({ examples: weight })
  const { laneRange, maxWeight, inputBits } = encodingOf(plan)
  const bound = (FOUR.length * laneRange * maxWeight) / ((2 ** (inputBits - 1) - 1) * weight) + 1e-6
  let worst = 0
  for (let place = 0; place < after.length; place += 1) {
    const mean = trained.reduce((sum, [one]) => sum + (one?.examples ?? 0) * (one?.update[place] ?? 0), 0) / weight
    worst = Math.max(worst, Math.abs((after[place] ?? Number.NaN) - (before[place] ?? 0) - mean))
  }
  expect(worst).toBeLessThanOrEqual(bound)

  await lab.end('SIGTERM')
  expectNothingLeft(lab, runId)
}

/** Ended sessions have no rows and no files, nothing revealed is on disk, and every blob is some version's. */
export function expectNothingLeft(lab: CoordinatorKillLab, runId: string): void {
  const { attempts, live, facts, blocks, versions, bytes } = lab.readStore()
  expect(attempts.filter((attempt) => attempt.run_id === runId && attempt.outcome === 'live')).toEqual([])
  expect([live, facts, blocks]).toEqual([[], [], []])
  expect(lab.spoolFiles()).toEqual([])
  expect(bytes.includes('"kind":"self-mask-seed"')).toBe(false)
  const named = new Set(versions.flatMap((row) => [row.model_digest, row.provenance_digest, row.session_record_digest]))
  expect(lab.blobs().filter((digest) => !named.has(digest))).toEqual([])
}
