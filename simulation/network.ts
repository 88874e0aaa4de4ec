/**
 * The simulated network: how long a stage takes by a virtual clock, from measured processor time and counted bytes. Pure.
 *
 * The coordinator works on one core and sends and receives over one line, first come, first served. Every participant has a
 * core and a line of its own. TCP's rate under loss is bounded as in Mathis et al., "The macroscopic behavior of the TCP
 * congestion avoidance algorithm" (1997): segment · 1.22 / (round trip · √loss).
 */

export interface NetworkSpec {
  /** One way. */
  readonly latencyMs: number
  /** Bits per second of a participant's line, and of the coordinator's in each direction. */
  readonly up: number
  readonly down: number
  readonly coordinator: number
  /** Part of segments lost. */
  readonly loss: number
  /** Part of participants whose line and processor are `slowdown` times slower. */
  readonly stragglers: number
  readonly slowdown: number
}

export const DEFAULT_NETWORK: NetworkSpec = {
  latencyMs: 40,
  up: 20e6,
  down: 100e6,
  coordinator: 1e9,
  loss: 0.001,
  stragglers: 0.05,
  slowdown: 4,
}

/** One participant's part in a stage. */
export interface StageVisit {
  readonly downBytes: number
  readonly upBytes: number
  /** The coordinator's time to make the instruction and to take the answer, and the participant's own. */
  readonly instructMs: number
  readonly participantMs: number
  readonly receiveMs: number
  /** 1, or the slowdown of a straggler. */
  readonly slowness: number
}

const SEGMENT_BITS = 1460 * 8

/** Bits per second of a line of this rate over this network. */
export function lineRate(rate: number, { latencyMs, loss }: NetworkSpec): number {
  if (loss === 0 || latencyMs === 0) return rate
  const roundTripSeconds = (2 * latencyMs) / 1000
  return Math.min(rate, (1.22 * SEGMENT_BITS) / (roundTripSeconds * Math.sqrt(loss)))
}

/**
 * Virtual milliseconds from a stage's beginning to its end: the last answer taken. Whoever has fallen silent is not among the
 * visits and not waited for, as when its connection has ended.
 */
export function stageMs(visits: readonly StageVisit[], network: NetworkSpec): number {
  const msPerByte = (rate: number) => 8000 / rate
  const [up, down] = [lineRate(network.up, network), lineRate(network.down, network)]
  let coordinatorMs = 0
  let lineFreeMs = 0
  const answers = visits.map((visit) => {
    coordinatorMs += visit.instructMs
    lineFreeMs = Math.max(lineFreeMs, coordinatorMs) + visit.downBytes * msPerByte(network.coordinator)
    const downMs = visit.downBytes * msPerByte(down) * visit.slowness
    const upMs = visit.upBytes * msPerByte(up) * visit.slowness
    const workMs = visit.participantMs * visit.slowness
    // The last byte leaves the coordinator at lineFreeMs; a slower line of the participant ends later than that.
    const heardMs =
      lineFreeMs + network.latencyMs + Math.max(0, downMs - visit.downBytes * msPerByte(network.coordinator))
    return { visit, atMs: heardMs + workMs + upMs + network.latencyMs }
  })
  answers.sort((a, b) => a.atMs - b.atMs)
  let inboundFreeMs = 0
  for (const { visit, atMs } of answers) {
    inboundFreeMs = Math.max(inboundFreeMs + visit.upBytes * msPerByte(network.coordinator), atMs)
    coordinatorMs = Math.max(coordinatorMs, inboundFreeMs) + visit.receiveMs
  }
  return coordinatorMs
}
