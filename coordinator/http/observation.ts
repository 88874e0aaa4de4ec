/**
 * What can be seen of a coordinator from outside, put around its parts in main: metrics, readiness, the health service. With
 * no listener configured nothing is counted, and everything else is as it was.
 */
import { statfsSync } from 'node:fs'
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { MaskEngine } from '../../shared/masks/mask-engine.ts'
import type { Log } from '../../shared/runtime/log.ts'
import { SOFTWARE_VERSION } from '../../shared/runtime/software-version.ts'
import type { IdentitySource } from '../../shared/transport/identity-source.ts'
import type { TransportLog } from '../../shared/transport/mtls-server.ts'
import { HealthService } from '../../shared/wire/generated/grpc/health/v1/health.ts'
import type { Attendance } from '../attendance/attendance.ts'
import type { CoordinatorConfig } from '../config.ts'
import { storeFileOf } from '../data-folder/layout.ts'
import { beginLifecycle, type Lifecycle } from '../lifecycle/phase.ts'
import type { Runs } from '../registry/runs.ts'
import { healthService } from '../rpc/health.ts'
import { measured } from '../rpc/request-sizes.ts'
import { countingRefusals, measureConnections } from './connection-metrics.ts'
import { type ReadinessCheck, readinessOf, startHttpServer } from './http-server.ts'
import { countThreadFallbacks, timedEngine } from './mask-metrics.ts'
import { type Metrics, NO_METRICS } from './metrics.ts'
import { observedService } from './observed-calls.ts'
import { prometheusMetrics, type ReadableMetrics } from './prometheus.ts'
import { measureStore } from './store-metrics.ts'

type Service = readonly [ServiceDefinition, UntypedServiceImplementation]
export type Listener = 'participants' | 'operators'

/** What of the round tools is looked at. */
interface Observed {
  readonly runs: Runs
  readonly attendance: Attendance
  readonly identity: IdentitySource
  readonly engine: MaskEngine
}

export interface Observation {
  readonly lifecycle: Lifecycle
  readonly metrics: Metrics
  /** Looks at the tools from now on, and answers over HTTP if that is configured; the same tools, with a timed engine. */
  begin<Tools extends Observed>(tools: Tools): Promise<Tools>
  /** Where it answers over HTTP; `null` when it does not. */
  readonly httpAddress: string | null
  /** The same services, counted, and the health service beside them. */
  services(listener: Listener, services: readonly Service[]): Service[]
  /** The same log, read for connections refused. */
  log(listener: Listener, log: TransportLog): TransportLog
  /** The listener has this port. */
  listening(listener: Listener, port: number): void
  /** Ends calls that would last for ever. */
  endStreams(listener: Listener): void
  close(): Promise<void>
}

export function beginObservation(config: CoordinatorConfig, log: Log): Observation {
  const lifecycle = beginLifecycle()
  const readable =
    config.http === undefined ? null : prometheusMetrics((error) => log.warn({ error }, 'a metric could not be read'))
  const metrics = readable ?? NO_METRICS
  const ends: (() => unknown)[] = []
  const streams = new Map<Listener, (() => void)[]>()
  const listeners = new Map<number, string>()
  let httpAddress: string | null = null

  async function listenOverHttp(metrics: ReadableMetrics, tools: Observed): Promise<void> {
    if (config.http === undefined) return
    const readiness = readinessChecks(lifecycle, tools)
    observeParts({ config, metrics, tools, readiness })
    ends.push(measureStore(storeFileOf(config.dataFolder), metrics))
    ends.push(measureConnections((port) => listeners.get(port) ?? null, metrics))
    ends.push(countThreadFallbacks(metrics))
    ends.push(() => metrics.close())
    const server = await startHttpServer({ ...config.http.listen, readiness, metrics })
    listeners.set(server.port, 'http')
    ends.push(() => server.close())
    httpAddress = server.address
  }

  return {
    lifecycle,
    metrics,
    get httpAddress() {
      return httpAddress
    },
    async begin(tools) {
      if (readable === null) return tools
      await listenOverHttp(readable, tools)
      return { ...tools, engine: timedEngine(tools.engine, metrics) }
    },
    services(listener, services) {
      const names = services.map(([definition]) => Object.values(definition)[0]?.path.split('/')[1] ?? '')
      const health: Service = [measured(HealthService), healthService(names, lifecycle)]
      const observed = [...services, health].map((service) => observedService(service, metrics))
      streams.set(
        listener,
        observed.map(({ endStreams }) => endStreams),
      )
      return observed.map(({ service }) => [...service] as const)
    },
    log: (listener, transportLog) => countingRefusals(transportLog, listener, metrics),
    listening: (listener, port) => void listeners.set(port, listener),
    endStreams(listener) {
      for (const end of streams.get(listener) ?? []) end()
    },
    async close() {
      for (const end of ends.splice(0).reverse()) await end()
    },
  }
}

function readinessChecks(lifecycle: Lifecycle, { runs, identity }: Observed): ReadinessCheck[] {
  return [
    { name: 'phase', look: () => (lifecycle.phase === 'serving' ? null : lifecycle.phase) },
    {
      name: 'store',
      look: async () => {
        await runs.isNameTaken('')
        return null
      },
    },
    { name: 'certificate', look: () => (identity.current().notAfterMs > Date.now() ? null : 'expired') },
  ]
}

/** Gauges of what is there now, looked at when somebody reads. */
function observeParts(input: {
  readonly config: CoordinatorConfig
  readonly metrics: Metrics
  readonly tools: Observed
  readonly readiness: readonly ReadinessCheck[]
}): void {
  const { config, metrics, tools, readiness } = input
  metrics.set('blindsum_build_info', { version: SOFTWARE_VERSION }, 1)
  metrics.onRead(async () => {
    metrics.set('blindsum_ready', {}, (await readinessOf(readiness)).isReady ? 1 : 0)
  })
  metrics.onRead(() => {
    metrics.set('blindsum_participants_connected', {}, [...tools.attendance.connected()].length)
    metrics.set('blindsum_certificate_expiry_seconds', {}, Math.floor(tools.identity.current().notAfterMs / 1000))
    const { bavail, bsize } = statfsSync(config.dataFolder)
    metrics.set('blindsum_data_folder_free_bytes', {}, bavail * bsize)
  })
}
