/** A session's context as the reference describes it: the same values, reals as text. */
import type { SessionContext } from '../../../shared/protocol/context.ts'
import { hex } from '../hex.ts'
import type { ContextValues } from '../reference/tuples.ts'

export function contextValues({ assumptions, aggregation, ...context }: SessionContext): ContextValues {
  return {
    ...context,
    sessionId: hex(context.sessionId),
    planDigest: hex(context.planDigest),
    modelDigest: hex(context.modelDigest),
    ...assumptions,
    inputBits: aggregation.inputBits,
    clipNorm: String(aggregation.clipNorm),
    laneRange: String(aggregation.laneRange),
    minWeight: String(aggregation.minWeight),
    maxWeight: String(aggregation.maxWeight),
    scalars: aggregation.scalars.join(','),
  }
}
