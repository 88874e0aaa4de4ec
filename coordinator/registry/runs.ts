/**
 * Runs: submitted once, moved between states, found by id or name. The state changes in the transaction that records why.
 */
import { encodeHex } from '../../shared/crypto/digest.ts'
import { ConfigError, invariant } from '../../shared/errors.ts'
import type { Plan } from '../../shared/plan/plan.ts'
import { parsePlan, planDigest } from '../../shared/plan/plan-document.ts'
import type { PlanSignature } from '../../shared/plan/plan-signature.ts'
import { planSignatureForm, planSignatureFromForm } from '../../shared/plan/plan-signature-form.ts'
import type { Store } from '../store/database.ts'
import type { EventLog } from './event-log.ts'
import type { RunEventBody } from './run-events.ts'
import { moveRun, type RunMove, type RunState } from './run-state.ts'

export interface Run {
  readonly id: string
  readonly name: string
  readonly plan: Plan
  readonly planDocument: Uint8Array
  readonly planDigest: Uint8Array
  /** Null for a run of before plans were signed. */
  readonly planSignature: PlanSignature | null
  readonly state: RunState
  readonly reason: string
  readonly createdAtMs: number
  readonly latestVersion: number
  readonly isFinalEvaluated: boolean
}

export interface Runs {
  isNameTaken(name: string): Promise<boolean>
  /** The run with this id or name. @throws ConfigError `run_unknown`. */
  find(idOrName: string): Promise<Run>
  list(): Promise<readonly Run[]>
  /** Moves the run and records the event of the move. @throws ConfigError with the state machine's refusal. */
  move(runId: string, move: RunMove, why: { readonly reason: string; readonly event: RunEventBody }): Promise<Run>
}

export function openRuns(store: Store, events: EventLog): Runs {
  const select = () =>
    store
      .selectFrom('run')
      .innerJoin('plan', 'plan.digest', 'run.plan_digest')
      .selectAll('run')
      .select(['plan.document', 'plan.signature'])
      .select((row) =>
        row
          .selectFrom('version')
          .whereRef('version.run_id', '=', 'run.id')
          .select((inner) => inner.fn.max('version.version').as('latest'))
          .as('latest'),
      )
  const runs: Runs = {
    async isNameTaken(name) {
      return (await store.selectFrom('run').where('name', '=', name).select('id').executeTakeFirst()) !== undefined
    },
    async find(idOrName) {
      const row = await select()
        .where((where) => where.or([where('run.id', '=', idOrName), where('run.name', '=', idOrName)]))
        .executeTakeFirst()
      if (row === undefined) {
        throw new ConfigError('run_unknown', `no run has the id or name ${JSON.stringify(idOrName)}; see \`run list\``)
      }
      return runOf(row)
    },
    async list() {
      return (await select().orderBy('run.created_at_ms').orderBy('run.id').execute()).map(runOf)
    },
    async move(runId, move, { reason, event }) {
      await store.transaction().execute(async (transaction) => {
        const { state } = await transaction
          .selectFrom('run')
          .where('id', '=', runId)
          .select('state')
          .executeTakeFirstOrThrow()
        const outcome = moveRun(state as RunState, move)
        if (outcome.kind === 'refused') throw new ConfigError(outcome.code, outcome.message)
        await transaction.updateTable('run').set({ state: outcome.state, reason }).where('id', '=', runId).execute()
        await events.append(transaction, runId, event)
      })
      events.wake(runId)
      return runs.find(runId)
    },
  }
  return runs
}

/** Plans never change: parsed once per digest. */
const parsedPlans = new Map<string, Plan>()

function planOf(digest: string, document: Uint8Array): Plan {
  const known = parsedPlans.get(digest)
  if (known !== undefined) return known
  const plan = parsePlan(document)
  parsedPlans.set(digest, plan)
  return plan
}

function runOf(row: {
  readonly id: string
  readonly name: string
  readonly plan_digest: string
  readonly document: string
  readonly signature: string | null
  readonly state: string
  readonly reason: string
  readonly created_at_ms: number
  readonly final_evaluated: number
  readonly latest: number | null
}): Run {
  const planDocument = new TextEncoder().encode(row.document)
  const digest = planDigest(planDocument)
  invariant(encodeHex(digest) === row.plan_digest, `plan ${row.plan_digest} has other bytes than those stored`)
  return {
    id: row.id,
    name: row.name,
    plan: planOf(row.plan_digest, planDocument),
    planDocument,
    planDigest: digest,
    planSignature:
      row.signature === null ? null : planSignatureFromForm(planSignatureForm.parse(JSON.parse(row.signature))),
    // Safety: the column has a CHECK over the same four words.
    state: row.state as RunState,
    reason: row.reason,
    createdAtMs: row.created_at_ms,
    latestVersion: row.latest ?? 0,
    isFinalEvaluated: row.final_evaluated === 1,
  }
}
