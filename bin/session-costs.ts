/**
 * What one session costs, by counting: bytes from the sizes of encoded messages, processor time from unit costs measured with
 * `npm run bench`. Estimates, to choose a plan by: real certificates and machines differ. Pure.
 */
import type { SharingParameters } from '../shared/protocol/threshold.ts'

/** The vector that is summed. */
export interface VectorSize {
  readonly lanes: number
  readonly modulusBits: number
}

/** Bytes and milliseconds of processor time of one session without dropouts; the masked input is counted apart. */
export interface SessionCosts {
  readonly upBytes: number
  readonly downBytes: number
  readonly maskedInputBytes: number
  readonly participantMs: number
  readonly coordinatorMs: number
}

/** A leaf certificate of about 700 bytes with its keys and signature. */
const ENTRY_BYTES = 950
/** A ciphertext, its leaf, and what stands around them, in a deal and as a holder gets it; the path comes on top. */
const DEALT_BYTES = 220
const HELD_BYTES = 430
const PATH_NODE_BYTES = 34
const REVEALED_BYTES = 40
const LINE_BYTES = 67
const SIGNATURE_BYTES = 64

/** Milliseconds on one core at 2.5 GHz (Cascade Lake, Node 24), as `npm run bench` shows them. */
const CHECK_NEIGHBOUR_MS = 0.8
const OPEN_DEAL_MS = 0.45
const VERIFY_MS = 0.15
const ADMIT_MS = 0.8
const HOLDER_MS = 0.02
/** Keystream made and added, bytes per millisecond. */
const MASK_BYTES_PER_MS = 1e6

/** The costs for these parameters and this vector. */
export function sessionCosts(parameters: SharingParameters, vector: VectorSize): SessionCosts {
  const { participants: n, neighbours: k, holders: h, quorum: q } = parameters
  const maskBytes = vector.lanes * (vector.modulusBits <= 16 ? 2 : 4)
  const path = PATH_NODE_BYTES * Math.ceil(Math.log2(h))
  const bitmap = Math.ceil(n / 8)
  return {
    upBytes: ENTRY_BYTES + DEALT_BYTES * k + REVEALED_BYTES * h + 4 * SIGNATURE_BYTES,
    downBytes: LINE_BYTES * n + ENTRY_BYTES * k + (HELD_BYTES + path) * k + SIGNATURE_BYTES * q + 5 * bitmap,
    maskedInputBytes: Math.ceil((vector.lanes * vector.modulusBits) / 8),
    participantMs: (CHECK_NEIGHBOUR_MS + OPEN_DEAL_MS) * k + VERIFY_MS * q + ((k + 1) * maskBytes) / MASK_BYTES_PER_MS,
    coordinatorMs: n * (ADMIT_MS + 3 * VERIFY_MS + HOLDER_MS * h) + (2 * n * maskBytes) / MASK_BYTES_PER_MS,
  }
}
