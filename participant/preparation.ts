/**
 * Getting ready for a round: plan and model downloaded and hashed, the site's policy asked, the update trained, the
 * coordinator told. One order at a time; a newer one replaces an older. An update that was never masked is kept for the next
 * attempt on the same model; one that was is overwritten.
 */
import { encodeHex, equalBytes } from '../shared/crypto/digest.ts'
import { wipe } from '../shared/crypto/secrets.ts'
import { ConfigError } from '../shared/errors.ts'
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'
import { decodeModel } from '../shared/onnx/decode.ts'
import { graphDigest } from '../shared/onnx/parameters.ts'
import type { Plan } from '../shared/plan/plan.ts'
import { parsePlan } from '../shared/plan/plan-document.ts'
import { encodingOf, isEvaluation } from '../shared/plan/plan-rules.ts'
import type { Log } from '../shared/runtime/log.ts'
import { CallRefused } from './calls.ts'
import type { Connection } from './connection.ts'
import { download } from './download.ts'
import { refuseUpdate } from './masked-input.ts'
import { refuseAuthor } from './policy/authors.ts'
import { objectionWords, type PolicyObjection } from './policy/objection.ts'
import { refusePlan, type SiteFacts } from './policy/plans.ts'
import type { PolicyConfig } from './policy/policy-file.ts'
import { refuseSessions } from './policy/sessions.ts'
import type { JournalView } from './protocol/journal.ts'
import { DAY_MS } from './protocol/policy-checks.ts'
import { updateDigest } from './protocol/update-digest.ts'
import type { TrainedUpdate, Trainer } from './trainer.ts'

/** What the coordinator asks to be ready for. */
export interface Order {
  readonly runId: string
  readonly round: number
  readonly attempt: number
  readonly planDigest: Uint8Array
  readonly modelDigest: Uint8Array
  /** The model's version number. */
  readonly version: number
}

/** An approved plan and an update trained for it, never masked so far. */
export interface Work {
  readonly order: Order
  readonly plan: Plan
  readonly trained: TrainedUpdate
  readonly updateDigest: Uint8Array
}

export interface PreparationTools {
  readonly connection: Connection
  readonly trainer: Trainer
  readonly journal: JournalView
  readonly policy: PolicyConfig
  /** This site, and whom it believes: its own bundle, never one that a coordinator sent. */
  readonly site: () => Omit<SiteFacts, 'planDigestHex'> & { readonly bundle: TrustBundle }
  readonly log: Log
}

const MAX_PLAN_BYTES = 1_572_864
const RUN_ID = /^[A-Za-z0-9._-]{1,128}$/
/** How long an order survives "nothing to do": a coordinator that restarted says so before it says anything else. */
const IDLE_GRACE_MS = 30_000

/** Why this site is not ready: reported with its code. */
class NotReady extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'NotReady'
    this.code = code
  }
}

interface Task {
  /** While training, a later attempt at the same takes the place of an earlier one. */
  order: Order
  readonly abort: AbortController
  phase: 'training' | 'reporting' | 'done'
}

/** Owns the update between training and masking, and the training process while it runs. */
export class Preparation {
  readonly #tools: PreparationTools
  #task: Task | null = null
  #work: Work | null = null
  #running: Promise<void> = Promise.resolve()
  #idle: NodeJS.Timeout | undefined

  constructor(tools: PreparationTools) {
    this.#tools = tools
  }

  /** Begins, or goes on with the same order; reports the outcome. Does not wait. */
  begin(order: Order): void {
    clearTimeout(this.#idle)
    const present = this.#task
    if (present !== null && !present.abort.signal.aborted && isSameWork(present.order, order)) {
      if (present.phase === 'training') present.order = order
      if (present.order.attempt === order.attempt) return
    }
    present?.abort.abort(new Error('another order came'))
    const task: Task = { order, abort: new AbortController(), phase: 'training' }
    this.#task = task
    this.#running = this.#running.then(() => this.#run(task))
  }

  /** The coordinator has nothing to do: an order under way is given up after a while. */
  idle(): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.#task?.abort.abort(new Error('the coordinator has moved on')), IDLE_GRACE_MS)
    this.#idle.unref()
  }

  /** The update ready for this model of this round, or null: also while another training, which overwrites it, is the task. */
  workFor(wanted: Pick<Order, 'runId' | 'round' | 'planDigest' | 'modelDigest' | 'version'>): Work | null {
    clearTimeout(this.#idle)
    const [work, task] = [this.#work, this.#task]
    if (work === null || !isSameWork(work.order, wanted)) return null
    // Safety: handed out now, the update would be overwritten under a live session, which would then mask zeros.
    if (task !== null && !isSameWork(task.order, work.order)) return null
    return { ...work, order: { ...work.order, ...wanted } }
  }

  /** After a session: an update that was masked is overwritten and forgotten. */
  settle(): void {
    if (this.#work !== null && this.#tools.journal.isSpent(this.#work.updateDigest)) this.#forget()
    this.#task?.abort.abort(new Error('the session is over'))
    this.#task = null
  }

  /** A new stream, perhaps to a coordinator that restarted: what was reported is reported again when asked. */
  forgetReport(): void {
    if (this.#task?.phase === 'done') this.#task = null
  }

  async stop(): Promise<void> {
    clearTimeout(this.#idle)
    this.#task?.abort.abort(new Error('the agent is stopping'))
    await this.#running
    this.#forget()
  }

  #forget(): void {
    if (this.#work !== null) wipe(this.#work.trained.update)
    this.#work = null
  }

  async #run(task: Task): Promise<void> {
    const { signal } = task.abort
    const { runId: run, round } = task.order
    const log = this.#tools.log.child({ run, round })
    let verdict = { ready: true, code: '', message: '' }
    try {
      signal.throwIfAborted()
      if (this.#work === null || !isSameWork(this.#work.order, task.order)) {
        this.#forget()
        this.#work = await this.#make(task.order, log, signal)
      }
      this.#work = { ...this.#work, order: task.order }
    } catch (error) {
      if (signal.aborted) return
      const { code, message } = reasonOf(error)
      if (code === 'participant_failed') log.error({ error }, 'this site could not get ready')
      log.warn({ code }, `refused: ${message}`)
      verdict = { ready: false, code, message }
    }
    task.phase = 'reporting'
    const { attempt, modelDigest } = task.order
    const report = { runId: run, round, attempt, modelDigest, ...verdict }
    try {
      await this.#tools.connection.call((client) => client.reportReady.bind(client), report, { signal })
      log.debug({ ready: verdict.ready, attempt }, 'reported')
    } catch (error) {
      if (signal.aborted) return
      const { code, message } = reasonOf(error)
      log.warn({ code }, `the coordinator did not take the report: ${message}`)
    }
    task.phase = 'done'
  }

  async #make(order: Order, log: Log, signal: AbortSignal): Promise<Work> {
    const { connection, journal, policy, trainer, site } = this.#tools
    const { planDigest, modelDigest, round } = order
    const documentOf = { connection, digest: planDigest, maxBytes: MAX_PLAN_BYTES, what: 'plan', signal }
    const { bytes: document, planSignature: signature } = await download(documentOf)
    // Safety: whose plan it is, before a byte of it is read; what it asks for, before anything else is fetched.
    const nowMs = Date.now()
    const tookPartSince = (ms: number) => journal.tookPartSince(planDigest, ms)
    const stranger = refuseAuthor({ planDigest, signature, tookPartSince }, policy, { bundle: site().bundle, nowMs })
    if (stranger !== null) throw new NotReady(stranger.code, stranger.message)
    const plan = parsePlan(document)
    objectTo(refusePlan(plan, policy, { ...site(), planDigestHex: encodeHex(planDigest) }), log)
    checkRound(order, plan)
    // Safety: from the plan and the round, which stand in the session's context; were it the coordinator's word, everybody else
    // could be told to send zeros, and the sum would be this site's update.
    const evaluateOnly = isEvaluation(plan, round)
    const masked = { onModel: journal.maskedSessionsOn(order), today: journal.maskedSessionsSince(nowMs - DAY_MS) }
    objectTo(refuseSessions(policy, masked), log)
    const modelOf = { connection, digest: modelDigest, maxBytes: policy.maxModelBytes, what: 'model', signal }
    const { bytes: model } = await download(modelOf)
    checkModel(model, plan, order)
    log.info({ evaluateOnly }, 'training started')
    const beganAtMs = Date.now()
    const trained = await trainer.train({ plan, model, round, evaluateOnly, signal })
    signal.throwIfAborted()
    if (!trained.ok) throw new NotReady(trained.code, trained.message)
    log.info({ seconds: (Date.now() - beganAtMs) / 1000, evaluateOnly }, 'training finished')
    const refusal = refuseUpdate(trained, encodingOf(plan))
    if (refusal !== null) throw new NotReady(refusal.code, refusal.message)
    const digest = updateDigest(trained.update, { examples: trained.examples, ...trained.scalars })
    if (journal.isSpent(digest)) {
      throw new NotReady('update_spent', 'training gave an update that was masked before; it is never masked again')
    }
    return { order, plan, trained, updateDigest: digest }
  }
}

/** Throws when there are objections: the first is the reason, the others stand in its message and in the log. */
function objectTo(objections: readonly PolicyObjection[], log: Log): void {
  const [first, ...others] = objections
  if (first === undefined) return
  for (const { code, message } of others) log.warn({ code }, `refused: ${message}`)
  throw new NotReady(first.code, objectionWords(objections))
}

/** The round is one that the plan has: rounds without end would be sessions without end on one model. */
function checkRound({ runId, round, version }: Order, plan: Plan): void {
  if (!RUN_ID.test(runId)) throw new NotReady('malformed', `a run id matches ${RUN_ID.source}`)
  const isPlanned = round >= 1 && round <= plan.rounds
  if (!isPlanned && !isEvaluation(plan, round)) {
    throw new NotReady('round_mismatch', `round ${round} is none of a plan of ${plan.rounds} rounds`)
  }
  if (version !== round - 1) {
    throw new NotReady('round_mismatch', `round ${round} begins from version ${round - 1}, not from ${version}`)
  }
}

/** The model is the plan's: its first version by its bytes, every version by its graph. */
function checkModel(model: Uint8Array, plan: Plan, { version, modelDigest }: Order): void {
  if (version === 0 && encodeHex(modelDigest) !== plan.model.sha256) {
    throw new NotReady('model_mismatch', `version 0 is not the model ${plan.model.sha256} of the plan`)
  }
  const graph = encodeHex(graphDigest(decodeModel(model), plan.model.frozen))
  if (graph !== plan.model.graphSha256) {
    throw new NotReady(
      'model_mismatch',
      `the graph of version ${version} is ${graph}, the plan's ${plan.model.graphSha256}`,
    )
  }
}

function reasonOf(error: unknown): { readonly code: string; readonly message: string } {
  const isReason = error instanceof NotReady || error instanceof CallRefused || error instanceof ConfigError
  if (isReason) return { code: error.code, message: error.message }
  return { code: 'participant_failed', message: 'the agent failed; its log says why' }
}

/** An update trained for one is good for the other, whatever the attempt. */
function isSameWork(
  a: Pick<Order, 'runId' | 'round' | 'planDigest' | 'modelDigest' | 'version'>,
  b: Pick<Order, 'runId' | 'round' | 'planDigest' | 'modelDigest' | 'version'>,
): boolean {
  const isSameRound = a.runId === b.runId && a.round === b.round && a.version === b.version
  return isSameRound && equalBytes(a.planDigest, b.planDigest) && equalBytes(a.modelDigest, b.modelDigest)
}
