/**
 * gRPC's own health service, for load balancers and orchestrators that have a certificate here: the coordinator as a whole
 * and each service by name are serving, or not any more.
 */
import { status } from '@grpc/grpc-js'
import {
  type HealthServer,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../shared/wire/generated/grpc/health/v1/health.ts'
import type { Lifecycle } from '../lifecycle/phase.ts'

/** `services`: full names, such as `blindsum.v1.CoordinatorService`. */
export function healthService(services: readonly string[], lifecycle: Lifecycle): HealthServer {
  const known = new Set(['', ...services])
  const statusNow = () => (lifecycle.phase === 'serving' ? ServingStatus.SERVING : ServingStatus.NOT_SERVING)
  return {
    check(call, callback) {
      if (known.has(call.request.service)) callback(null, { status: statusNow() })
      else callback({ code: status.NOT_FOUND, details: 'no such service here' })
    },
    watch(call) {
      call.on('error', () => undefined)
      if (!known.has(call.request.service)) {
        call.write({ status: ServingStatus.SERVICE_UNKNOWN })
        return
      }
      call.write({ status: statusNow() })
      const unsubscribe = lifecycle.onChange(() => void call.write({ status: statusNow() }))
      call.once('cancelled', unsubscribe)
      call.once('close', unsubscribe)
    },
  }
}
