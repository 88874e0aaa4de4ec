/**
 * Everything on disk that the processes need, in one folder: an authority, a folder per process with its config and identity,
 * the signed plan's parts and a model of as many parameters as there are lanes. Nobody's folder names a file of another's.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { initAuthority, issueSvid } from '../../shared/authority/authority-folder.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { logisticRegression } from '../../shared/onnx/model-writer.ts'
import { withParameters } from '../../shared/onnx/parameters.ts'
import { exactAggregation } from './fixed-vectors.ts'
import {
  agentId,
  agentName,
  COORDINATOR_ID,
  OPERATOR_ID,
  type ProcessPlan,
  RUN_NAME,
  TRUST_DOMAIN,
  timingOf,
} from './process-plan.ts'

const LIFETIME_MS = 24 * 3_600_000

export interface FederationFolder {
  readonly root: string
  readonly coordinator: string
  readonly operator: string
  readonly agent: (place: number) => string
  /** What the verifier believes, beside the exports and not in them. */
  readonly trustBundle: string
  readonly provenanceKey: string
}

export function federationFolder(root: string): FederationFolder {
  return {
    root,
    coordinator: join(root, 'coordinator'),
    operator: join(root, 'operator'),
    agent: (place) => join(root, agentName(place)),
    trustBundle: join(root, 'auditor', 'sites.bundle.json'),
    provenanceKey: join(root, 'coordinator', 'signing.pub.pem'),
  }
}

/** Makes authority, identities, the plan and its model, and the coordinator's config; gives the path of that. */
export async function layOut(folder: FederationFolder, plan: ProcessPlan): Promise<string> {
  const authority = join(folder.root, 'authority')
  await initAuthority({ folder: authority, trustDomain: TRUST_DOMAIN })
  const agents = Array.from({ length: plan.participants }, (_, place) => [agentId(place), folder.agent(place)] as const)
  const workloads = [[COORDINATOR_ID, folder.coordinator], [OPERATOR_ID, folder.operator], ...agents] as const
  for (const [spiffeId, home] of workloads) {
    await issueSvid({ folder: authority, spiffeId, out: join(home, 'identity'), lifetimeMs: LIFETIME_MS })
  }
  mkdirSync(join(folder.root, 'auditor'), { mode: 0o700 })
  copyFileSync(join(authority, 'bundle.json'), folder.trustBundle)
  writeFileSync(join(folder.operator, 'model.onnx'), modelOf(plan.lanes))
  write(folder.operator, 'plan.yaml', planFileOf(plan))
  // Ports are the system's choice; the coordinator writes them into data/listening.json.
  return write(folder.coordinator, 'coordinator.yaml', {
    dataFolder: './data',
    identity: IDENTITY,
    participants: { listen: '127.0.0.1:0' },
    operators: { listen: '127.0.0.1:0', allow: [OPERATOR_ID] },
    provenance: { key: './signing.pem' },
  })
}

/** `address` is where this agent finds the coordinator: its own line through the proxy. */
export function writeAgentConfig(folder: FederationFolder, place: number, address: string): string {
  const home = folder.agent(place)
  // Sessions that a fault aborted are tried again: so many on one model have to be permitted.
  const policy = { planAuthors: [OPERATOR_ID], minimumCohort: 3, sessionsPerModel: 10 }
  write(home, 'policy.yaml', policy)
  return write(home, 'participant.yaml', {
    dataFolder: './data',
    identity: IDENTITY,
    coordinator: { address, spiffeId: COORDINATOR_ID },
    // Named because a config has to; nobody trains.
    data: { default: { format: 'npy', features: './none.npy', labels: './none.npy' } },
    policy: './policy.yaml',
  })
}

export function writeOperatorConfig(folder: FederationFolder, address: string): void {
  write(folder.operator, 'operator.yaml', { address, serverId: COORDINATOR_ID, identity: './identity' })
}

/** One linear layer with all parameters zero: small numbers are what float32 tells apart best. */
function modelOf(lanes: number): Uint8Array {
  const model = decodeModel(logisticRegression({ features: lanes - 1, classes: 1, seed: 1 }))
  return withParameters(model, [], new Float32Array(lanes))
}

function planFileOf(plan: ProcessPlan): object {
  return {
    name: RUN_NAME,
    rounds: plan.rounds,
    model: { file: 'model.onnx' },
    participants: {
      enrolled: Array.from({ length: plan.participants }, (_, place) => agentId(place)),
      minimumCohort: 3,
    },
    data: { kind: 'arrays', shape: [plan.lanes - 1] },
    training: { loss: 'mean-squared-error', localSteps: 1, learningRate: 1 },
    aggregation: exactAggregation(plan.lanes),
    security: { gamma: 0.05 },
    timing: timingOf(plan),
  }
}

const IDENTITY = {
  certificate: './identity/svid.pem',
  privateKey: './identity/svid.key',
  trustBundle: './identity/bundle.json',
  trustDomain: TRUST_DOMAIN,
}

function write(folder: string, name: string, content: object): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, name)
  writeFileSync(path, stringify(content))
  return path
}
