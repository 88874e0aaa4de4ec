/**
 * The participant agent: attends, and does what it is told as far as plan, policy and protocol allow. It is in one session
 * at most; whatever belongs to a session it no longer holds the secrets of is answered from the journal or not at all.
 */
import { encodeHex, equalBytes } from '../shared/crypto/digest.ts'
import { signWithIdentity } from '../shared/identity/identity-signature.ts'
import type { MaskEngine } from '../shared/masks/mask-engine.ts'
import { encodingOf, sessionContext } from '../shared/plan/plan-rules.ts'
import { contextDigest } from '../shared/protocol/context.ts'
import type { Instruction, ParticipantMessage } from '../shared/protocol/messages.ts'
import { ProtocolError } from '../shared/protocol/refusal.ts'
import type { Rng } from '../shared/random.ts'
import type { Log } from '../shared/runtime/log.ts'
import type { IdentitySource } from '../shared/transport/identity-source.ts'
import { instructionFromWire } from '../shared/wire/from-wire.ts'
import type {
  AdvertiseKeysStep,
  Instruction as WireInstruction,
} from '../shared/wire/generated/blindsum/v1/coordinator.ts'
import { attend } from './attendance.ts'
import { CallRefused } from './calls.ts'
import type { ParticipantConfig } from './config.ts'
import { type Connection, connectCoordinator } from './connection.ts'
import type { Drill } from './drill.ts'
import type { Journal } from './journal.ts'
import { KEPT_MS, type KeptUpdates, NOTHING_KEPT } from './kept-update.ts'
import { sendMessage, sendWithdraw } from './outbox.ts'
import { dataFormats } from './policy/plans.ts'
import { sessionPolicy } from './policy/sessions.ts'
import { Preparation, type Work } from './preparation.ts'
import { answerAfterRestart } from './protocol/session.ts'
import type { ParticipantSetup } from './protocol/session-state.ts'
import { SessionRunner, type SessionTools } from './session-runner.ts'
import type { Trainer } from './trainer.ts'

export interface AgentRequest {
  readonly config: Pick<ParticipantConfig, 'coordinator' | 'policy' | 'data'>
  readonly identity: IdentitySource
  readonly journal: Journal
  readonly trainer: Trainer
  /** Without it a trained update ends with the process. */
  readonly updates?: KeptUpdates
  readonly engine: MaskEngine
  readonly rng: Rng
  readonly drill: Drill
  readonly log: Log
  /** Aborted to stop the agent: it leaves its session, says so, and everything secret is overwritten. */
  readonly stop: AbortSignal
}

/** A session lasts five stages; this much more for the coordinator's own work between them. */
const STAGES = 5
const SESSION_MARGIN_MS = 60_000
const SESSION_ID_BYTES = 16
/** How long a reply recorded before a restart may take to be repeated. */
const ANSWER_DEADLINE_MS = 60_000
/** How long an update of before a restart is looked for before its session is left. */
const RECALL_DEADLINE_MS = 60_000
/** How often replies past their session's deadline, and updates that nobody asks for, are looked for. */
const HOUSEKEEPING_MS = 60_000

/** Runs until `stop` is aborted. */
export async function runAgent(request: AgentRequest): Promise<void> {
  const { config, identity, log, stop } = request
  const { address, spiffeId: coordinatorId } = config.coordinator
  const connection = connectCoordinator({ address, coordinatorId, identity })
  const agent = new Agent(request, connection)
  const housekeeping = setInterval(() => agent.keepHouse(Date.now()), HOUSEKEEPING_MS)
  await attend({
    connection,
    identity,
    log,
    signal: stop,
    onInstruction: (instruction) => agent.take(instruction),
    onAttending: () => agent.attending(),
  })
  clearInterval(housekeeping)
  await agent.stop()
  connection.close()
}

class Agent {
  readonly #request: AgentRequest
  readonly #connection: Connection
  readonly #preparation: Preparation
  #runner: SessionRunner | null = null
  /** The newest instruction not looked at yet: each says where this participant stands, so older ones are moot. */
  #newest: WireInstruction | null = null
  #working: Promise<void> | null = null
  /** Aborted when there is something newer to do than to look for an update of before the restart. */
  #recalling = new AbortController()
  #lastIdle = ''

  constructor(request: AgentRequest, connection: Connection) {
    this.#request = request
    this.#connection = connection
    const { config, identity, journal, trainer, log, updates = NOTHING_KEPT } = request
    const site = () => ({
      spiffeId: identity.current().spiffeId,
      trustDomain: identity.current().bundle.trustDomain,
      bundle: identity.current().bundle,
      dataSets: dataFormats(config.data),
    })
    this.#preparation = new Preparation({ connection, trainer, journal, policy: config.policy, site, updates, log })
  }

  attending(): void {
    this.#preparation.forgetReport()
  }

  take(instruction: WireInstruction): void {
    this.#newest = instruction
    this.#recalling.abort(new Error('there is something newer to do'))
    this.#working ??= this.#work()
  }

  /** Never throws: what the disk does not take now is tried again the next time. */
  keepHouse(nowMs: number): void {
    const { journal, trainer, updates = NOTHING_KEPT, log } = this.#request
    try {
      journal.expireReplies(nowMs)
    } catch (error) {
      log.warn({ error }, 'replies past their deadline could not be deleted yet')
    }
    void trainer.forget?.(nowMs - KEPT_MS)
    void updates.expire(nowMs).catch((error) => log.warn({ error }, 'the kept update could not be looked at'))
  }

  async stop(): Promise<void> {
    this.#newest = null
    this.#recalling.abort(new Error('the agent is stopping'))
    await this.#runner?.leave('the agent is stopping')
    await this.#preparation.stop()
    await this.#working
  }

  async #work(): Promise<void> {
    while (this.#newest !== null) {
      const instruction = this.#newest
      this.#newest = null
      try {
        await this.#follow(instruction)
      } catch (error) {
        if (error instanceof ProtocolError) {
          this.#request.log.warn({ code: error.code }, `refused: ${error.message}`)
          await this.#runner?.leave('the coordinator sent what is not of this protocol')
        } else this.#request.log.error({ error }, 'an instruction could not be followed')
      }
    }
    this.#working = null
  }

  async #follow(wire: WireInstruction): Promise<void> {
    const { step, runId, round, sessionId } = wire
    if (step?.$case === 'idle') {
      const { reason } = step.value
      if (reason !== this.#lastIdle) this.#request.log.info({ reason }, 'idle')
      this.#lastIdle = reason
      await this.#endSession()
      this.#preparation.idle()
      return
    }
    this.#lastIdle = ''
    if (step?.$case === 'prepare') {
      await this.#endSession()
      this.#preparation.begin({ runId, round, ...step.value })
      return
    }
    const instruction = instructionFromWire(step)
    if (instruction === null || sessionId.length !== SESSION_ID_BYTES) {
      this.#request.log.warn({ code: 'malformed' }, 'an instruction of an unknown kind; is the coordinator newer?')
      return
    }
    const isOver = instruction.kind === 'session-over'
    if (this.#runner !== null && equalBytes(this.#runner.sessionId, sessionId)) {
      this.#runner.tell(instruction)
      if (isOver) await this.#runner.over
    } else if (step?.$case === 'advertiseKeys' && !this.#request.journal.knowsSession(sessionId)) {
      await this.#endSession()
      return this.#enter({ runId, round, sessionId: ownBytes(sessionId) }, step.value)
    } else await this.#answerOld(ownBytes(sessionId), instruction)
    // Safety: the word about a session that this site never entered, or about another than the live one, moves nothing.
    const isOurs = this.#runner === null && this.#request.journal.knowsSession(sessionId)
    if (isOver && instruction.completed && isOurs) this.#preparation.roundCompleted({ runId, round })
  }

  /** The coordinator speaks of something else: the session, if there is one, is over. */
  async #endSession(): Promise<void> {
    this.#runner?.tell({ kind: 'session-over', completed: false, reason: 'the coordinator has moved on' })
    await this.#runner?.over
  }

  async #enter(
    ids: { readonly runId: string; readonly round: number; readonly sessionId: Uint8Array },
    step: AdvertiseKeysStep,
  ): Promise<void> {
    const { runId, round, sessionId } = ids
    const wanted = { runId, round, ...step }
    const work = this.#preparation.workFor(wanted) ?? (await this.#recall(wanted))
    // Something newer came meanwhile: whatever it is, it says where this participant stands now.
    if (this.#newest !== null || this.#request.stop.aborted) return
    if (work === null) {
      const message = 'this site holds no trained update for this round; it may have restarted'
      return sendWithdraw(this.#connection, sessionId, { code: 'not_ready', message })
    }
    const { stageDeadlineMs, joinGraceMs } = work.plan.timing
    const deadlineMs = STAGES * (stageDeadlineMs + joinGraceMs) + SESSION_MARGIN_MS
    const { trained, plan } = work
    const setup = this.#setup(work, sessionId)
    this.#preparation.lend(work)
    const runner = new SessionRunner({ setup, encoding: encodingOf(plan), trained, deadlineMs }, this.#sessionTools())
    this.#runner = runner
    void runner.over.then(() => {
      if (this.#runner !== runner) return
      this.#runner = null
      this.#preparation.settle()
    })
  }

  /** For a session of an attempt that this site was ready for before it restarted. */
  #recall(wanted: Parameters<Preparation['recall']>[0]): Promise<Work | null> {
    this.#recalling = new AbortController()
    const signals = [this.#recalling.signal, this.#request.stop, AbortSignal.timeout(RECALL_DEADLINE_MS)]
    return this.#preparation.recall(wanted, AbortSignal.any(signals))
  }

  /** Everything in it is this participant's own computation or decision. */
  #setup({ order, plan, updateDigest }: Work, sessionId: Uint8Array): ParticipantSetup {
    const { identity, config } = this.#request
    const { spiffeId, chain, privateKey, bundle } = identity.current()
    const { trustDomain } = bundle
    const { runId, round, planDigest, modelDigest } = order
    const context = sessionContext(plan, { trustDomain, runId, round, sessionId, planDigest, modelDigest })
    return {
      ...sessionPolicy(config.policy, plan, trustDomain),
      context,
      contextDigest: contextDigest(context),
      spiffeId,
      certificateChain: chain,
      signWithCertificate: (statement) => signWithIdentity(privateKey, statement),
      enrolled: plan.participants.enrolled,
      admissionWindowMs: plan.timing.admissionWindowMs,
      updateDigest,
    }
  }

  #sessionTools(): SessionTools {
    const { journal, engine, rng, drill, log, identity } = this.#request
    const bundle = () => identity.current().bundle
    const onSpent = () => this.#preparation.spent()
    return { connection: this.#connection, journal, engine, rng, drill, log, bundle, onSpent }
  }

  /** A session of before a restart, or one that ended here: a recorded reply, or a goodbye. */
  async #answerOld(sessionId: Uint8Array, instruction: Instruction): Promise<void> {
    const { journal } = this.#request
    for (const effect of answerAfterRestart(journal, sessionId, instruction).effects) {
      if (effect.kind === 'record') journal.record(effect.fact)
      if (effect.kind !== 'send') continue
      const { message } = effect
      if (message.kind === 'withdraw') await sendWithdraw(this.#connection, sessionId, message)
      else await this.#repeat(sessionId, message)
    }
  }

  async #repeat(sessionId: Uint8Array, message: Exclude<ParticipantMessage, { kind: 'withdraw' }>): Promise<void> {
    const log = this.#request.log.child({ session: encodeHex(sessionId) })
    const signal = AbortSignal.any([this.#request.stop, AbortSignal.timeout(ANSWER_DEADLINE_MS)])
    try {
      await sendMessage(this.#connection, sessionId, message, { signal })
      log.info({ repeated: true }, 'shares revealed')
    } catch (error) {
      const code = error instanceof CallRefused ? error.code : 'not_sent'
      log.warn({ code }, 'the reply recorded before the restart was not taken')
    }
  }
}

/** A decoded field is a view of its whole message. */
function ownBytes(field: Uint8Array): Uint8Array {
  return new Uint8Array(field)
}
