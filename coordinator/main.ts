/**
 * The coordinator process: takes its folder, opens what it needs in order, listens on two ports, goes on with every running
 * run. Closing undoes it in the opposite order; whatever cannot be had on the way up is given back.
 */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../shared/authority/atomic-file.ts'
import { maskEngineFor } from '../shared/masks/choose-engine.ts'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import { systemRng } from '../shared/random.ts'
import { lockFolder } from '../shared/runtime/folder-lock.ts'
import { type Log, openLog } from '../shared/runtime/log.ts'
import { fileIdentitySource } from '../shared/transport/file-identity-source.ts'
import { type MtlsServer, startMtlsServer } from '../shared/transport/mtls-server.ts'
import { CoordinatorService } from '../shared/wire/generated/blindsum/v1/coordinator.ts'
import { OperatorService } from '../shared/wire/generated/blindsum/v1/operator.ts'
import { operatorAccess, participantAccess } from './access/operator-access.ts'
import { Attendance } from './attendance/attendance.ts'
import { type CoordinatorConfig, readCoordinatorConfig } from './config.ts'
import { openStoreOf } from './data-folder/open-store.ts'
import { othersMayWrite } from './data-folder/others-may-write.ts'
import { readCoordinatorDrill } from './drill.ts'
import { beginObservation, type Observation } from './http/observation.ts'
import { shutdownTimes } from './lifecycle/shutdown-times.ts'
import { firstStopSignal } from './lifecycle/stop-signals.ts'
import { createSigner } from './provenance/signer.ts'
import { openEventLog } from './registry/event-log.ts'
import { openRuns } from './registry/runs.ts'
import { openSessionAttempts } from './registry/session-attempts.ts'
import { openVersions } from './registry/versions.ts'
import { ByteMeter } from './rounds/byte-meter.ts'
import { Conductor } from './rounds/conductor.ts'
import { Floor } from './rounds/floor.ts'
import { LiveRounds } from './rounds/live-rounds.ts'
import type { RoundTools } from './rounds/tools.ts'
import { operatorsService } from './rpc/operators-service.ts'
import { participantsService } from './rpc/participants-service.ts'
import { measured } from './rpc/request-sizes.ts'
import { UploadSlots } from './rpc/upload-slots.ts'
import { CoordinatorStopping } from './stopping.ts'
import { openBlobs } from './store/blobs.ts'

export interface Coordinator {
  /** `host:port` as a client would dial it. */
  readonly participantsAddress: string
  readonly operatorsAddress: string
  /** `null` when no HTTP listener is configured. */
  readonly httpAddress: string | null
  /** Begins nothing new, lets what is under way end, within `shutdownSeconds`, and gives everything back. */
  close(): Promise<void>
}

export interface CoordinatorOptions {
  /** `POINT@ROUND`: hold there until killed; see drill.ts. */
  readonly drill?: string
}

/**
 * Starts a coordinator in this process.
 * @throws ConfigError for whatever a person can mend: folder in use, port in use, certificate, key, newer store.
 */
export async function startCoordinator(
  config: CoordinatorConfig,
  { log, drill: drillText }: { readonly log: Log } & CoordinatorOptions,
): Promise<Coordinator> {
  const undo: (() => unknown)[] = []
  const observation = beginObservation(config, log)
  const { roundsMs, callsMs } = shutdownTimes(config)
  const stopping = new AbortController()
  const drill = readCoordinatorDrill(drillText, log, stopping.signal)
  const close = async () => {
    observation.lifecycle.enter('stopping')
    stopping.abort(new CoordinatorStopping())
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const lock = lockFolder(config.dataFolder, 'coordinator')
    undo.push(() => lock.release())
    if (lock.tookOverFrom !== null) log.warn(`the folder was not given back by ${lock.tookOverFrom}: taken over`)
    if (othersMayWrite(config.dataFolder)) log.warn(`others can write to ${config.dataFolder}: chmod 700 it`)
    const opened = await openTools(config, { log, undo, drill, stopping: stopping.signal }, observation)
    undo.push(() => observation.close())
    const tools = await observation.begin(opened)
    const conductor = new Conductor(tools)
    // Nobody is let in before sessions of before stand: an agent that heard of nothing would leave its session.
    let drainMs = 0
    const closeConductor = () => conductor.close(drainMs)
    undo.push(closeConductor)
    const found = await conductor.recover()
    log.info(found, `started: live sessions that go on: ${found.sessions.length}`)
    const participants = await listenToParticipants(config, tools, observation)
    undo.splice(undo.indexOf(closeConductor), 0, async () => {
      tools.attendance.end()
      observation.endStreams('participants')
      await participants.close(callsMs)
    })
    drainMs = roundsMs
    const operators = await listenToOperators(config, { ...tools, conductor }, observation)
    undo.push(() => {
      observation.endStreams('operators')
      return operators.close(callsMs)
    })
    const { httpAddress } = observation
    const http = httpAddress === null ? {} : { http: httpAddress }
    const addresses = { participants: participants.address, operators: operators.address, ...http }
    observation.lifecycle.enter('serving')
    replaceFile(join(config.dataFolder, 'listening.json'), `${JSON.stringify(addresses)}\n`, 0o644)
    log.info(addresses, 'listening')
    return { participantsAddress: participants.address, operatorsAddress: operators.address, httpAddress, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Reads the config, runs until SIGTERM or SIGINT, drains within `shutdownSeconds`. A second signal ends it at once. */
export async function runCoordinator(configPath: string, options: CoordinatorOptions = {}): Promise<void> {
  const config = readCoordinatorConfig(configPath)
  const log = openLog({ name: 'coordinator', level: config.log.level })
  const stopAsked = firstStopSignal(config.shutdownSeconds * 1000, log)
  const coordinator = await startCoordinator(config, { log, ...options })
  await stopAsked
  await coordinator.close()
  log.info('stopped')
}

async function openTools(
  config: CoordinatorConfig,
  process: { readonly undo: (() => unknown)[] } & Pick<RoundTools, 'log' | 'drill' | 'stopping'>,
  { metrics }: Pick<Observation, 'metrics'>,
): Promise<RoundTools> {
  const { undo, log, drill, stopping } = process
  const { dataFolder } = config
  const nowMs = () => Date.now()
  const store = await openStoreOf(dataFolder)
  undo.push(() => store.destroy())
  const blobs = await openBlobs(join(dataFolder, 'blobs'))
  const spoolFolder = join(dataFolder, 'spool')
  await mkdir(spoolFolder, { recursive: true, mode: 0o700 })
  const { trustDomain, ...files } = config.identity
  const identity = fileIdentitySource(trustDomain === undefined ? files : { ...files, trustDomain }, {
    onProblem: (problem) => log.error({ code: problem.code }, `the renewed identity is not used: ${problem.message}`),
  })
  undo.push(() => identity.close())
  const onFallback = (code: string) => metrics.count('blindsum_mask_fallbacks_total', { code })
  const engine = await maskEngineFor({ wanted: config.masks, cpu: cpuMaskEngine(), log, onFallback })
  undo.push(() => engine.close())
  const signer = createSigner({ keyFile: config.provenance.key })
  const events = openEventLog(store, nowMs)
  const attendance = new Attendance(nowMs)
  return {
    runs: openRuns(store, events),
    versions: openVersions({ store, blobs, events, nowMs }),
    attempts: openSessionAttempts(store, nowMs, events),
    events,
    blobs,
    attendance,
    floor: new Floor({ attendance, rng: systemRng, nowMs }),
    live: new LiveRounds(),
    present: new Map(),
    meter: new ByteMeter(),
    engine,
    identity,
    signer,
    spoolFolder,
    checkpointBytes: config.limits.checkpointBytes,
    drill,
    stopping,
    rng: systemRng,
    nowMs,
    log,
  }
}

/** One operator may watch several runs, each command over a connection of its own. */
const OPERATOR_CONNECTIONS = 32

async function listenToParticipants(
  config: CoordinatorConfig,
  tools: RoundTools,
  observation: Observation,
): Promise<MtlsServer> {
  const slots = new UploadSlots(config.limits.concurrentUploads)
  const server = await startMtlsServer({
    ...config.participants.listen,
    identity: tools.identity,
    authorise: participantAccess,
    services: observation.services('participants', [
      [measured(CoordinatorService), participantsService({ ...tools, slots })],
    ]),
    log: observation.log('participants', tools.log),
  })
  observation.listening('participants', server.port)
  return server
}

async function listenToOperators(
  config: CoordinatorConfig,
  tools: RoundTools & { readonly conductor: Conductor },
  observation: Observation,
): Promise<MtlsServer> {
  const { identity, log } = tools
  const submission = {
    ...tools,
    bundle: () => identity.current().bundle,
    coordinatorId: () => identity.current().spiffeId,
    newRunId: () => randomUUID(),
  }
  const server = await startMtlsServer({
    ...config.operators.listen,
    identity,
    authorise: operatorAccess(config.operators.allow),
    services: observation.services('operators', [
      [measured(OperatorService), operatorsService({ ...tools, submission, limits: config.limits })],
    ]),
    limits: { maxConnectionsPerPeer: OPERATOR_CONNECTIONS },
    log: observation.log('operators', log),
  })
  observation.listening('operators', server.port)
  return server
}
