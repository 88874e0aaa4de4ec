/**
 * A real agent whose every secret the test learns: the random bytes it draws, its update, its unmasked lanes and what it
 * uploads. It holds before each point of the round until the test lets it go.
 */
import { join } from 'node:path'
import { type AgentRequest, runAgent } from '../../participant/agent.ts'
import { participantConfigFile } from '../../participant/config.ts'
import type { DrillPoint } from '../../participant/drill.ts'
import { openJournal } from '../../participant/journal.ts'
import { policyFile } from '../../participant/policy/policy-file.ts'
import { cpuMaskEngine } from '../../shared/masks/cpu-engine.ts'
import type { MaskEngine } from '../../shared/masks/mask-engine.ts'
import { systemRng } from '../../shared/random.ts'
import { openLog } from '../../shared/runtime/log.ts'
import { fileIdentitySource } from '../../shared/transport/file-identity-source.ts'
import type { Lanes } from '../../shared/vector/encoding.ts'
import { COORDINATOR_ID, OPERATOR_ID, type TrustDomainFolder } from '../coordinator/integration/trust-domain.ts'

/** One point a stage is enough: what is searched does not change between them. */
const WATCHED_POINTS: readonly DrillPoint[] = [
  'hold-after-share-keys',
  'hold-before-upload',
  'hold-before-attest',
  'hold-before-reveal',
]

export interface WatchedAgent {
  readonly spiffeId: string
  readonly update: Float32Array
  readonly examples: number
  /** Every 32-byte draw of the session: session secrets, Shamir coefficients come in other lengths. */
  readonly secrets: Uint8Array[]
  /** Quantised lanes before masking, as the mask engine got them; and after it. */
  readonly plain: Lanes[]
  readonly masked: Lanes[]
  stop(): Promise<void>
}

export function startWatchedAgent(
  domain: TrustDomainFolder,
  agent: {
    readonly spiffeId: string
    readonly address: string
    readonly parameterCount: number
    /** Called before each point; the agent goes on when it resolves. */
    readonly reach: (point: DrillPoint, spiffeId: string) => Promise<void>
    /** The control: masks are not put on. */
    readonly naked?: boolean
  },
): WatchedAgent {
  const { spiffeId, parameterCount } = agent
  const identity = fileIdentitySource(domain.filesOf(spiffeId))
  const name = spiffeId.split('/').at(-1) ?? ''
  const journal = openJournal(join(domain.folder, `${name}-journal.sqlite`))
  const stop = new AbortController()
  const update = Float32Array.from({ length: parameterCount }, () => (Math.random() - 0.5) / 4)
  // Nine digits, so that chance does not find them as text or as a double.
  const examples = 500_000_000 + Math.floor(Math.random() * 400_000_000)
  const [secrets, plain, masked]: [Uint8Array[], Lanes[], Lanes[]] = [[], [], []]
  const inner = cpuMaskEngine()
  const engine: MaskEngine = {
    accumulate: async (target, seeds, options) => {
      plain.push(target.slice())
      if (agent.naked !== true) await inner.accumulate(target, seeds, options)
      masked.push(target.slice())
    },
  }
  const { coordinator, data } = participantConfigFile.parse({
    dataFolder: domain.folder,
    identity: domain.filesOf(spiffeId),
    coordinator: { address: agent.address, spiffeId: COORDINATOR_ID },
    data: { default: { format: 'npy', features: 'none', labels: 'none' } },
    policy: 'given below',
  })
  const policy = policyFile.parse({ planAuthors: [OPERATOR_ID] })
  const request: AgentRequest = {
    config: { coordinator, data, policy },
    identity,
    journal,
    trainer: {
      train: async ({ evaluateOnly }) => {
        const scalars = { trainLossSum: 1, evalExamples: 10, evalLossSum: 2, evalCorrect: 3 }
        return { ok: true, examples, scalars, update: evaluateOnly ? new Float32Array(parameterCount) : update.slice() }
      },
    },
    engine,
    rng: (lengthBytes) => {
      const bytes = systemRng(lengthBytes)
      if (lengthBytes === 32) secrets.push(bytes.slice())
      return bytes
    },
    drill: {
      reach: async (point, round) => {
        if (round === 1 && WATCHED_POINTS.includes(point)) await agent.reach(point, spiffeId)
      },
    },
    log: openLog({ name, level: 'silent' }),
    stop: stop.signal,
  }
  const done = runAgent(request)
  return {
    spiffeId,
    update,
    examples,
    secrets,
    plain,
    masked,
    stop: async () => {
      stop.abort(new Error('the test is over'))
      await done
      journal.close()
      identity.close()
    },
  }
}
