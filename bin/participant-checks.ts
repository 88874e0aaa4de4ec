/**
 * What an agent needs, tried one after another before it joins: configuration, certificate, clock, folder, disk, data,
 * the plan's author, policy, one train step, coordinator. Each check gives a finding; a check whose ground is missing is left out, saying so.
 */
import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { identityFiles, type ParticipantConfig, readParticipantConfig } from '../participant/config.ts'
import { connectCoordinator } from '../participant/connection.ts'
import type { Dataset } from '../participant/data/dataset.ts'
import { loadDataset } from '../participant/data/load-dataset.ts'
import { dataFormats, refusePlan } from '../participant/policy/plans.ts'
import { dataSetFor, trainingLimits } from '../participant/trainer.ts'
import { probeModel } from '../participant/training/train-locally.ts'
import { encodeHex } from '../shared/crypto/digest.ts'
import { ConfigError } from '../shared/errors.ts'
import { identityKeyRefusal } from '../shared/identity/identity-signature.ts'
import { WIRE_LABEL } from '../shared/protocol/label.ts'
import { SOFTWARE_VERSION } from '../shared/runtime/software-version.ts'
import { fileIdentitySource } from '../shared/transport/file-identity-source.ts'
import type { IdentitySource } from '../shared/transport/identity-source.ts'
import { authorFinding } from './author-findings.ts'
import { failureWords } from './failure-words.ts'
import type { Finding } from './finding.ts'
import type { LoadedPlan } from './plan-file.ts'
import { loadPlan, type PlanAtHand } from './signed-plan.ts'
import { byteSize, utcTime } from './text-table.ts'

const LEAST_FREE_BYTES = 1e9
/** A warning: renewal should have come long before. */
const SHORT_LIFETIME_MS = 600_000
const HELLO_TIMEOUT_MS = 10_000
/** Advertisements bear a clock difference of five minutes; a minute is a warning sign. */
const CLOCK_LIMIT_MS = 60_000

/** Runs every check and tells each finding as it comes. Never throws for what a person can mend. */
export async function checkParticipant(
  request: { readonly configFile: string; readonly planFile: string | undefined },
  tell: (finding: Finding) => void,
): Promise<boolean> {
  let allWell = true
  const attempt = async <T>(name: string, work: () => T | Promise<T>, words: (result: T) => string) => {
    try {
      const result = await work()
      tell({ name, ok: true, isOptional: false, detail: words(result) })
      return result
    } catch (error) {
      allWell = false
      const problems = error instanceof ConfigError ? error.problems : [(error as Error).message]
      for (const problem of problems) tell({ name, ok: false, isOptional: false, detail: problem })
      return undefined
    }
  }
  const config = await attempt(
    'config',
    () => readParticipantConfig(request.configFile),
    () => request.configFile,
  )
  if (config === undefined) return false
  const identity = await attempt('certificate', () => openIdentity(config), identityWords)
  if (identity !== undefined) {
    for (const finding of identityFindings(config, identity.current(), Date.now())) {
      if (!finding.ok && !finding.isOptional) allWell = false
      tell(finding)
    }
  }
  await attempt(
    'data folder',
    () => freeBytes(config.dataFolder),
    (free) => `${config.dataFolder}, ${byteSize(free)} free`,
  )
  const plan = await planOf(request.planFile, attempt)
  if (identity !== undefined && (plan !== undefined || request.planFile === undefined)) {
    const finding = authorFinding(config, plan, { bundle: identity.current().bundle, nowMs: Date.now() })
    if (!finding.ok && !finding.isOptional) allWell = false
    tell(finding)
  }
  if (plan !== undefined) {
    if (identity !== undefined)
      await attempt(
        'policy',
        () => checkPolicy(config, plan, identity),
        (words) => words,
      )
    const { data: spec } = plan.plan
    const data = await attempt('data', () => loadDataset(dataSetFor(config.data, spec), spec), dataWords)
    if (data !== undefined)
      await attempt(
        'train step',
        () => trainStep(config, plan, data),
        (words) => words,
      )
  } else if (request.planFile === undefined) {
    await attempt(
      'data',
      () => checkDataFiles(config),
      (words) => words,
    )
  }
  if (identity !== undefined) {
    await attempt(
      'coordinator',
      () => sayHello(config, identity),
      (words) => words,
    )
    identity.close()
  }
  return allWell
}

type Attempt = <T>(name: string, work: () => T | Promise<T>, words: (result: T) => string) => Promise<T | undefined>

function planOf(planFile: string | undefined, attempt: Attempt): Promise<PlanAtHand | undefined> {
  if (planFile === undefined) return Promise.resolve(undefined)
  return attempt(
    'plan',
    () => loadPlan(planFile),
    ({ plan, digest }) => `${plan.name}, ${plan.rounds} rounds, digest ${encodeHex(digest)}`,
  )
}

function openIdentity(config: ParticipantConfig): IdentitySource {
  const source = fileIdentitySource(identityFiles(config))
  const refusal = identityKeyRefusal(source.current().privateKey)
  if (refusal === null) return source
  source.close()
  throw new ConfigError(refusal.code, refusal.message)
}

function identityWords(source: IdentitySource): string {
  const { spiffeId, notAfterMs } = source.current()
  return `${spiffeId} until ${utcTime(notAfterMs)}, accepted by the trust bundle`
}

/** What is to be said of a valid certificate: that it is of the wrong trust domain, or that it will not last. */
export function identityFindings(
  { coordinator }: Pick<ParticipantConfig, 'coordinator'>,
  { spiffeId, notAfterMs }: { readonly spiffeId: string; readonly notAfterMs: number },
  nowMs: number,
): Finding[] {
  const findings: Finding[] = []
  const [own, theirs] = [trustDomainOf(spiffeId), trustDomainOf(coordinator.spiffeId)]
  if (own !== theirs) {
    const detail = `your certificate is of ${own}, the coordinator of ${theirs}: have one issued there, or mend coordinator.spiffeId`
    findings.push({ name: 'trust domain', ok: false, isOptional: false, detail })
  }
  const leftMs = notAfterMs - nowMs
  if (leftMs < SHORT_LIFETIME_MS) {
    const detail = `the certificate ends in ${Math.max(0, Math.round(leftMs / 60_000))} min: have it renewed now`
    findings.push({ name: 'renewal', ok: false, isOptional: true, detail })
  }
  return findings
}

function trustDomainOf(spiffeId: string): string {
  return spiffeId.replace('spiffe://', '').split('/')[0] ?? ''
}

/** Free bytes where the data folder is or will be. Throws when it cannot be written. */
function freeBytes(folder: string): number {
  mkdirSync(existsSync(folder) ? folder : dirname(folder), { recursive: true })
  const place = existsSync(folder) ? folder : dirname(folder)
  accessSync(place, constants.W_OK)
  const { bavail, bsize } = statfsSync(place)
  const free = bavail * bsize
  if (free >= LEAST_FREE_BYTES) return free
  throw new Error(
    `${place}: ${byteSize(free)} free, ${byteSize(LEAST_FREE_BYTES)} wanted; make room or move dataFolder`,
  )
}

function checkPolicy(config: ParticipantConfig, { plan, digest }: LoadedPlan, identity: IdentitySource): string {
  const { spiffeId, bundle } = identity.current()
  const objections = refusePlan(plan, config.policy, {
    spiffeId,
    trustDomain: bundle.trustDomain,
    dataSets: dataFormats(config.data),
    planDigestHex: encodeHex(digest),
  })
  if (objections.length === 0) return 'the rest of the policy permits it'
  throw new ConfigError(
    'plan_not_permitted',
    objections.map(({ code, message }) =>
      code === 'not_enrolled'
        ? `${spiffeId} is not enrolled in this plan: ask its author to add it under participants.enrolled`
        : `${code}: ${message}`,
    ),
  )
}

function dataWords(data: Dataset): string {
  const shape = data.featureShape.join(', ')
  return `${data.count} examples of [${shape}]: ${data.trainIndices.length} to train on, ${data.evalIndices.length} held out`
}

/** Without a plan nobody knows what the columns mean: the files are there and can be read, that is all. */
function checkDataFiles({ data }: ParticipantConfig): string {
  const files = Object.values(data).flatMap((set) => (set.format === 'csv' ? [set.path] : [set.features, set.labels]))
  for (const file of files) accessSync(file, constants.R_OK)
  return `${files.join(', ')} can be read; give --plan PLAN.yaml to check shape and values and to try a train step`
}

async function trainStep(config: ParticipantConfig, { plan, modelBytes }: LoadedPlan, data: Dataset): Promise<string> {
  const task = { ...plan.training, frozen: plan.model.frozen }
  const result = await probeModel({ model: modelBytes, task, data, limits: trainingLimits(config.training) })
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`)
  return `${result.msPerStep.toFixed(2)} ms`
}

async function sayHello(config: ParticipantConfig, identity: IdentitySource): Promise<string> {
  const { address, spiffeId: coordinatorId } = config.coordinator
  const connection = connectCoordinator({ address, coordinatorId, identity })
  try {
    const reply = await connection.callOnce(
      (client) => client.hello.bind(client),
      { wireLabel: WIRE_LABEL, softwareVersion: SOFTWARE_VERSION },
      { signal: AbortSignal.timeout(HELLO_TIMEOUT_MS), deadlineMs: HELLO_TIMEOUT_MS },
    )
    const apartMs = Date.now() - reply.serverTimeMs
    if (Math.abs(apartMs) > CLOCK_LIMIT_MS) {
      throw new Error(
        `clocks differ by ${Math.round(apartMs / 1000)} s: set this machine’s clock, or tell the coordinator’s operator`,
      )
    }
    return `${coordinatorId} at ${address}, version ${reply.softwareVersion}, clocks agree`
  } catch (error) {
    if (!isServiceError(error)) throw error
    const failure = connection.explain(error)
    throw new Error(`${failureWords(failure)} (${failure.code})`, { cause: error })
  } finally {
    connection.close()
  }
}

function isServiceError(error: unknown): boolean {
  return error instanceof Error && 'details' in error
}
