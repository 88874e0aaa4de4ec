/**
 * Getting ready for a round: plan and model downloaded and hashed, the site's policy asked, the update trained and kept, the
 * coordinator told. One order at a time; a newer one replaces an older. An update that was never masked is kept for the next
 * attempt on the same model, through a restart of the agent too; one that was is overwritten.
 */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { equalBytes } from '../shared/crypto/digest.ts'
import { wipe } from '../shared/crypto/secrets.ts'
import { invariant } from '../shared/errors.ts'
import type { Plan } from '../shared/plan/plan.ts'
import { encodingOf, isEvaluation } from '../shared/plan/plan-rules.ts'
import type { Log } from '../shared/runtime/log.ts'
import { type ApprovalTools, approvedPlan, modelOf } from './approval.ts'
import { backoffMs } from './backoff.ts'
import { type KeptUpdate, type KeptUpdates, purposeHex, type UpdatePurpose } from './kept-update.ts'
import { refuseUpdate } from './masked-input.ts'
import { NotReady, reasonOf } from './not-ready.ts'
import { updateDigest } from './protocol/update-digest.ts'
import { StorageFailure, storageAdvice } from './storage-failure.ts'
import type { TrainedUpdate, Trainer } from './trainer.ts'

/** What the coordinator asks to be ready for. `version` is the model's version number. */
export interface Order extends UpdatePurpose {
  readonly attempt: number
}

/** An approved plan and an update trained for it, never masked so far. */
export interface Work {
  readonly order: UpdatePurpose
  readonly plan: Plan
  readonly trained: TrainedUpdate
  readonly updateDigest: Uint8Array
  readonly basis: string
}

export interface PreparationTools extends ApprovalTools {
  readonly trainer: Trainer
  readonly updates: KeptUpdates
  readonly log: Log
}

/** How long an order survives "nothing to do": a coordinator that restarted says so before it says anything else. */
const IDLE_GRACE_MS = 30_000

interface Task {
  /** While training, a later attempt at the same takes the place of an earlier one. */
  order: Order
  readonly abort: AbortController
  /** Resolves once it is known whether an update of before a restart serves it. */
  readonly looked: PromiseWithResolvers<void>
  /** `waiting`: reported not ready, until the site's disk takes what has to be kept. */
  phase: 'training' | 'reporting' | 'waiting' | 'done'
}

interface Verdict {
  readonly ready: boolean
  readonly code: string
  readonly message: string
  readonly isStorage: boolean
}

const READY: Verdict = { ready: true, code: '', message: '', isStorage: false }

/** Owns the update between training and masking, and the training process while it runs. */
export class Preparation {
  readonly #tools: PreparationTools
  #task: Task | null = null
  #work: Work | null = null
  /** What the live session masks. */
  #lent: Work | null = null
  /** The update that is on the disk, by its memory. */
  #onDisk: Float32Array | null = null
  #running: Promise<void> = Promise.resolve()
  #erasing: Promise<unknown> = Promise.resolve()
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
    const task: Task = { order, abort: new AbortController(), looked: Promise.withResolvers(), phase: 'training' }
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
  workFor(wanted: UpdatePurpose): Work | null {
    clearTimeout(this.#idle)
    const [work, task] = [this.#work, this.#task]
    if (work === null || !isSameWork(work.order, wanted)) return null
    // Safety: handed out now, the update would be overwritten under a live session, which would then mask zeros.
    if (task !== null && !isSameWork(task.order, work.order)) return null
    return work
  }

  /**
   * The same for an agent that restarted since it was ready: the update that the site kept, once plan and policy have been
   * asked again; null when there is none, it may not be used, or `signal` was aborted.
   */
  async recall(wanted: UpdatePurpose, signal: AbortSignal): Promise<Work | null> {
    const present = this.#task
    if (present !== null && isSameWork(present.order, wanted)) {
      await Promise.race([present.looked.promise, once(signal, 'abort')])
    }
    if (this.#task !== null || this.#work !== null || signal.aborted) return this.workFor(wanted)
    const recalled = this.#running.then(() => this.#recallNow(wanted, signal))
    this.#running = recalled.then(() => {})
    return recalled
  }

  async #recallNow(wanted: UpdatePurpose, signal: AbortSignal): Promise<Work | null> {
    const { runId: run, round } = wanted
    const log = this.#tools.log.child({ run, round })
    try {
      const work = await this.#keptWork(wanted, log, signal)
      if (work === null) return null
      this.#work = work
      await this.#secure(work, log)
      return work
    } catch (error) {
      if (!signal.aborted) this.#complain(error, log)
      return null
    }
  }

  /** A session begins with this work: until {@link settle} nothing overwrites its update. */
  lend(work: Work): void {
    invariant(this.#lent === null, 'one session at a time has the update')
    this.#lent = work
  }

  /** The update is spent, and in use by its session only: it has to be on no disk any more. */
  spent(): void {
    this.#onDisk = null
    this.#erasing = this.#tools.updates.forget()
  }

  /** After a session: an update that was masked is overwritten and forgotten. */
  settle(): void {
    const lent = this.#lent
    this.#lent = null
    // Given up while it was lent.
    if (lent !== null && lent !== this.#work) wipe(lent.trained.update)
    if (this.#work !== null && this.#tools.journal.isSpent(this.#work.updateDigest)) this.#forget()
    this.#task?.abort.abort(new Error('the session is over'))
    this.#task = null
  }

  /** A round was completed, with this site or without it: an update for it serves nobody any more. */
  roundCompleted({ runId, round }: Pick<UpdatePurpose, 'runId' | 'round'>): void {
    const isOther = this.#work !== null && (this.#work.order.runId !== runId || this.#work.order.round !== round)
    if (this.#task === null && !isOther) this.#forget()
  }

  /** A new stream, perhaps to a coordinator that restarted: what was reported is reported again when asked. */
  forgetReport(): void {
    if (this.#task?.phase !== 'done' && this.#task?.phase !== 'waiting') return
    this.#task.abort.abort(new Error('what was reported is reported again'))
    this.#task = null
  }

  /** What is kept on the disk stays, for the next start; what is not to stay is gone when this resolves. */
  async stop(): Promise<void> {
    clearTimeout(this.#idle)
    this.#task?.abort.abort(new Error('the agent is stopping'))
    await this.#running
    await this.#erasing
    this.#wipe()
  }

  #wipe(): void {
    // Safety: overwritten under a live session, it would be masked as zeros; done to all sites but one, the sum is that one's.
    if (this.#work !== null && this.#work !== this.#lent) wipe(this.#work.trained.update)
    this.#work = null
    this.#onDisk = null
  }

  #forget(): void {
    this.#wipe()
    const { updates, trainer } = this.#tools
    this.#erasing = Promise.all([updates.forget(), trainer.forget?.()])
  }

  async #run(task: Task): Promise<void> {
    const { signal } = task.abort
    const { runId: run, round } = task.order
    const log = this.#tools.log.child({ run, round })
    let said: Verdict | null = null
    for (let failures = 0; ; failures += 1) {
      const verdict = await this.#verdict(task, log, said)
      if (verdict === null) return
      if (said !== null && verdict.ready) log.info('the disk takes what has to be kept: this site is ready')
      if (verdict.code !== said?.code) await this.#report(task, verdict, log)
      if (signal.aborted) return
      said = verdict
      if (!verdict.isStorage) break
      task.phase = 'waiting'
      await pause(backoffMs(failures), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
    }
    task.phase = 'done'
  }

  /** Whether this site is ready; null when the order is no longer wanted. */
  async #verdict(task: Task, log: Log, said: Verdict | null): Promise<Verdict | null> {
    const { signal } = task.abort
    try {
      signal.throwIfAborted()
      if (this.#work === null || !isSameWork(this.#work.order, task.order)) {
        const kept = await this.#keptWork(task.order, log, signal)
        // Safety: not before the order was approved: else a word that nobody signed would cost the site its training.
        if (kept !== null) this.#wipe()
        if (kept !== null) this.#work = kept
        task.looked.resolve()
        const work = kept ?? (await this.#make(task.order, log, signal))
        this.#work = work
      }
      await this.#secure(this.#work, log)
      return signal.aborted ? null : READY
    } catch (error) {
      if (signal.aborted) return null
      const { code, message } = reasonOf(error)
      if (code !== said?.code) this.#complain(error, log)
      return { ready: false, code, message, isStorage: error instanceof StorageFailure }
    } finally {
      task.looked.resolve()
    }
  }

  #complain(error: unknown, log: Log): void {
    const { code, message } = reasonOf(error)
    if (code === 'participant_failed') log.error({ error }, 'this site could not get ready')
    if (error instanceof StorageFailure) log.error({ code }, storageAdvice(error.code, this.#tools.updates.folder))
    log.warn({ code }, `refused: ${message}`)
  }

  async #report(task: Task, { ready, code, message }: Verdict, log: Log): Promise<void> {
    const { signal } = task.abort
    task.phase = 'reporting'
    const { runId, round, attempt, modelDigest } = task.order
    const report = { runId, round, attempt, modelDigest, ready, code, message }
    try {
      await this.#tools.connection.call((client) => client.reportReady.bind(client), report, { signal })
      log.debug({ ready, attempt }, 'reported')
    } catch (error) {
      if (signal.aborted) return
      const refusal = reasonOf(error)
      log.warn({ code: refusal.code }, `the coordinator did not take the report: ${refusal.message}`)
    }
  }

  /** What was trained before a restart, approved anew: nothing that a plan or policy forbids by now is used. */
  async #keptWork(order: UpdatePurpose, log: Log, signal: AbortSignal): Promise<Work | null> {
    const { journal, trainer, updates } = this.#tools
    const kept = await updates.find(order)
    if (kept === null) return null
    // Its training is over: what is still kept of that could only give the same update again.
    await trainer.forget?.()
    try {
      const plan = await approvedPlan(order, this.#tools, { log, signal })
      const isSpent = journal.isSpent(kept.updateDigest)
      if (!isSpent && kept.basis === (trainer.basis?.(plan) ?? '')) {
        checkUpdate(kept.trained, plan)
        log.info('the update that was trained before the restart is used')
        this.#onDisk = kept.trained.update
        return { order, plan, ...kept }
      }
      const why = isSpent ? 'it was masked before' : 'the data or its configuration have changed since'
      log.info(`the kept update is not used, and erased: ${why}`)
      await updates.forget()
    } catch (error) {
      wipe(kept.trained.update)
      throw error
    }
    wipe(kept.trained.update)
    return null
  }

  async #make(order: UpdatePurpose, log: Log, signal: AbortSignal): Promise<Work> {
    const { journal, trainer, updates } = this.#tools
    const plan = await approvedPlan(order, this.#tools, { log, signal })
    signal.throwIfAborted()
    this.#wipe()
    await updates.forget()
    // Safety: from the plan and the round, which stand in the session's context; were it the coordinator's word, everybody else
    // could be told to send zeros, and the sum would be this site's update.
    const evaluateOnly = isEvaluation(plan, order.round)
    const model = await modelOf({ ...order, plan }, this.#tools, signal)
    log.info({ evaluateOnly }, 'training started')
    const beganAtMs = Date.now()
    const basis = trainer.basis?.(plan) ?? ''
    const purpose = purposeHex(order)
    const trained = await trainer.train({ plan, model, round: order.round, evaluateOnly, purpose, signal })
    signal.throwIfAborted()
    if (!trained.ok) throw new NotReady(trained.code, trained.message)
    log.info({ seconds: (Date.now() - beganAtMs) / 1000, evaluateOnly }, 'training finished')
    checkUpdate(trained, plan)
    const digest = updateDigest(trained.update, { examples: trained.examples, ...trained.scalars })
    if (journal.isSpent(digest)) {
      await trainer.forget?.()
      throw new NotReady('update_spent', 'training gave an update that was masked before; it is never masked again')
    }
    return { order, plan, trained, updateDigest: digest, basis }
  }

  /** The update is durable and there is room for a session's facts. @throws StorageFailure; the work stays in memory. */
  async #secure(work: Work, log: Log): Promise<void> {
    const { journal, trainer, updates } = this.#tools
    const { update } = work.trained
    // Safety: a session may have it already, and what that spent is not written again.
    if (this.#onDisk !== update && !journal.isSpent(work.updateDigest)) {
      const kept: KeptUpdate = work
      await updates.keep(work.order, kept)
      // Crash here: the next start finds the update, and forgets what is kept of its training.
      if (this.#work === work) this.#onDisk = update
      log.debug('update kept')
      await trainer.forget?.()
    }
    await updates.proveRoom()
  }
}

/** @throws NotReady for an update that cannot be summed under the plan's encoding. */
function checkUpdate(trained: TrainedUpdate, plan: Plan): void {
  const refusal = refuseUpdate(trained, encodingOf(plan))
  if (refusal !== null) throw new NotReady(refusal.code, refusal.message)
}

/** An update trained for one is good for the other, whatever the attempt. */
function isSameWork(a: UpdatePurpose, b: UpdatePurpose): boolean {
  const isSameRound = a.runId === b.runId && a.round === b.round && a.version === b.version
  return isSameRound && equalBytes(a.planDigest, b.planDigest) && equalBytes(a.modelDigest, b.modelDigest)
}
