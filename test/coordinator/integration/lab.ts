/**
 * A coordinator in this process on loopback ports with real certificates, real participant agents, and operators. Only the
 * trainer is a fake: it gives known updates, so that the published sum can be checked against plain arithmetic.
 */
import { join } from 'node:path'
import { Operator } from '../../../bin/operator-client.ts'
import { signAs } from '../../../bin/signed-plan.ts'
import { coordinatorConfigFile } from '../../../coordinator/config.ts'
import { type Coordinator, startCoordinator } from '../../../coordinator/main.ts'
import { type AgentRequest, runAgent } from '../../../participant/agent.ts'
import { participantConfigFile } from '../../../participant/config.ts'
import { openJournal } from '../../../participant/journal.ts'
import { policyFile } from '../../../participant/policy/policy-file.ts'
import type { TrainedUpdate, Trainer } from '../../../participant/trainer.ts'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import { planDigest } from '../../../shared/plan/plan-document.ts'
import type { PlanSignature } from '../../../shared/plan/plan-signature.ts'
import { systemRng } from '../../../shared/random.ts'
import { type LogLevel, openLog } from '../../../shared/runtime/log.ts'
import { fileIdentitySource } from '../../../shared/transport/file-identity-source.ts'
import { mtlsChannel } from '../../../shared/transport/mtls-channel.ts'
import { OperatorClient, type RunSummary } from '../../../shared/wire/generated/blindsum/v1/operator.ts'
import { COORDINATOR_ID, OPERATOR_ID, type TrustDomainFolder } from './trust-domain.ts'

const LEVEL = (process.env.BLINDSUM_TEST_LOG ?? 'silent') as LogLevel

export function coordinatorConfig(domain: TrustDomainFolder, changes: object = {}) {
  return coordinatorConfigFile.parse({
    dataFolder: join(domain.folder, 'coordinator'),
    identity: domain.filesOf(COORDINATOR_ID),
    participants: { listen: '127.0.0.1:0' },
    operators: { listen: '127.0.0.1:0', allow: [OPERATOR_ID] },
    provenance: { key: join(domain.folder, 'signing.pem') },
    limits: { drainMs: 2000 },
    ...changes,
  })
}

export function startLab(domain: TrustDomainFolder, changes: object = {}): Promise<Coordinator> {
  const config = coordinatorConfig(domain, changes)
  return startCoordinator(config, { log: openLog({ name: 'coordinator', level: LEVEL }) })
}

/** Makes the update of one site in one round. */
export type UpdateOf = (spiffeId: string, round: number, parameterCount: number) => TrainedUpdate

let trainings = 0

export interface LabAgent {
  readonly spiffeId: string
  /** What it trained, in order. */
  readonly trained: readonly (TrainedUpdate & { readonly round: number })[]
  stop(): Promise<void>
}

/** An agent with the real protocol, journal and transport. */
export function startAgent(
  domain: TrustDomainFolder,
  agent: {
    readonly spiffeId: string
    readonly address: string
    readonly updateOf?: UpdateOf
    readonly journal?: string
    readonly drill?: AgentRequest['drill']
    readonly policy?: object
  },
): LabAgent {
  const { spiffeId } = agent
  const name = spiffeId.split('/').at(-1) ?? ''
  const identity = fileIdentitySource(domain.filesOf(spiffeId))
  const stop = new AbortController()
  const trained: (TrainedUpdate & { round: number })[] = []
  const trainer: Trainer = {
    train: async ({ plan, round, evaluateOnly }) => {
      const made = (agent.updateOf ?? knownUpdate)(spiffeId, round, plan.model.parameterCount)
      const update = evaluateOnly ? { ...made, update: new Float32Array(plan.model.parameterCount) } : made
      // The agent overwrites what it was given once it is spent.
      trained.push({ ...update, update: update.update.slice(), round })
      return { ok: true, ...update }
    },
  }
  const { coordinator, data } = participantConfigFile.parse({
    dataFolder: domain.folder,
    identity: domain.filesOf(spiffeId),
    coordinator: { address: agent.address, spiffeId: COORDINATOR_ID },
    data: { default: { format: 'npy', features: 'none', labels: 'none' } },
    policy: 'given below',
  })
  // Every run in a test may begin from the same model.
  const policy = policyFile.parse({ planAuthors: [OPERATOR_ID], sessionsPerModel: 10, ...agent.policy })
  const journal = openJournal(join(domain.folder, agent.journal ?? `${name}-journal.sqlite`))
  const done = runAgent({
    config: { coordinator, data, policy },
    identity,
    journal,
    trainer,
    engine: cpuMaskEngine(),
    rng: systemRng,
    drill: agent.drill ?? { reach: async () => {} },
    log: openLog({ name, level: LEVEL }),
    stop: stop.signal,
  })
  return {
    spiffeId,
    trained,
    stop: async () => {
      stop.abort(new Error('the test stops this agent'))
      await done
      journal.close()
      identity.close()
    },
  }
}

/** Different for every site, round, coordinate and training (an update is masked once); below the plan's bounds. */
export const knownUpdate: UpdateOf = (spiffeId, round, parameterCount) => {
  const seed = [...spiffeId].reduce((sum, letter) => sum + letter.charCodeAt(0), round * 17)
  trainings += 1
  const shift = trainings / 1000
  const update = Float32Array.from({ length: parameterCount }, (_, place) => Math.sin(seed + place + shift) / 10)
  const examples = 50 + (seed % 100)
  return {
    update,
    examples,
    scalars: { trainLossSum: examples * 0.5, evalExamples: 10, evalLossSum: 10 / round + shift, evalCorrect: 5 },
  }
}

/** Signs a plan document as one of the trust domain's workloads. */
export function signedAs(domain: TrustDomainFolder, authorId: string, document: Uint8Array): PlanSignature {
  return signAs(domain.filesOf(authorId), planDigest(document))
}

export interface LabOperator {
  readonly operator: Operator
  /** Submits, signed by this operator unless somebody else's signature is given. */
  submit(document: Uint8Array, modelBytes: Uint8Array, signature?: PlanSignature): Promise<RunSummary>
  readonly client: OperatorClient
  close(): void
}

export function connectOperator(domain: TrustDomainFolder, address: string, spiffeId = OPERATOR_ID): LabOperator {
  const identity = fileIdentitySource(domain.filesOf(spiffeId))
  const channel = mtlsChannel({ address, identity, expectedServerId: COORDINATOR_ID })
  const client = new OperatorClient(channel.target, channel.credentials, channel.options)
  const operator = new Operator(client, channel)
  return {
    operator,
    submit: (document, modelBytes, signature = signedAs(domain, spiffeId, document)) =>
      operator.submit({ document, signature, modelBytes }),
    client,
    close: () => {
      client.close()
      identity.close()
    },
  }
}
