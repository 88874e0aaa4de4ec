/**
 * What parent and GPU child say to each other, as frames on two pipes: a header of four 32-bit words (kind, job, payload
 * bytes, one argument), then the payload. Binary, for keys and sums are: no copy of a key becomes text anywhere.
 */
import { secretBytes } from '../../crypto/secrets.ts'
import type { MaskSeed } from '../mask-engine.ts'

export const FRAME_HEADER_BYTES = 16
export const BLOCK_BYTES = 64
/** 64 MiB of vector per job: enough to hide what a job costs, and within the limits that every WebGPU device has. */
export const MOST_BLOCKS_PER_JOB = 2 ** 20
const SEED_BYTES = 36

/** To the child: job, cancel. From it: ready, progress (argument: permille), sum, failure. */
export const FRAME = { job: 1, cancel: 2, ready: 3, progress: 4, sum: 5, failure: 6 } as const
export type FrameKind = (typeof FRAME)[keyof typeof FRAME]

export interface FrameHeader {
  readonly kind: FrameKind
  readonly job: number
  readonly payloadBytes: number
  readonly argument: number
}

/** The masks of a range of blocks, at most {@link MOST_BLOCKS_PER_JOB}, to be added up from zero. */
export interface BlockJob {
  readonly narrowLanes: boolean
  readonly firstBlock: number
  readonly blocks: number
  readonly seeds: readonly MaskSeed[]
}

export function frameHeader({ kind, job, payloadBytes, argument }: FrameHeader): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint32Array.of(kind, job, payloadBytes, argument).buffer)
}

/** A job as a whole frame. Holds the keys: overwrite it when it is sent. */
export function jobFrame(job: number, { narrowLanes, firstBlock, blocks, seeds }: BlockJob): Uint8Array {
  const payloadBytes = 12 + seeds.length * SEED_BYTES
  const frame = secretBytes(FRAME_HEADER_BYTES + payloadBytes)
  frame.set(frameHeader({ kind: FRAME.job, job, payloadBytes, argument: 0 }))
  const words = new DataView(frame.buffer, FRAME_HEADER_BYTES)
  words.setUint32(0, narrowLanes ? 1 : 0, true)
  words.setUint32(4, firstBlock, true)
  words.setUint32(8, blocks, true)
  for (const [place, { key, sign }] of seeds.entries()) {
    frame.set(key, FRAME_HEADER_BYTES + 12 + place * SEED_BYTES)
    words.setInt32(12 + place * SEED_BYTES + 32, sign, true)
  }
  return frame
}

/** Reads the payload of {@link jobFrame}; the keys are views of it. */
export function readJob(payload: Uint8Array): BlockJob {
  const words = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const seeds: MaskSeed[] = []
  for (let at = 12; at < payload.byteLength; at += SEED_BYTES) {
    seeds.push({ key: payload.subarray(at, at + 32), sign: words.getInt32(at + 32, true) === 1 ? 1 : -1 })
  }
  return {
    narrowLanes: words.getUint32(0, true) === 1,
    firstBlock: words.getUint32(4, true),
    blocks: words.getUint32(8, true),
    seeds,
  }
}

export interface FrameSink {
  /** A header came. Returns where its payload goes, at least `payloadBytes` long, or undefined to drop it. */
  begin(header: FrameHeader): Uint8Array | undefined
  /** The payload is complete. */
  end(header: FrameHeader, payload: Uint8Array | undefined): void
}

/** Cuts what comes through a pipe into frames. Payloads go straight to their place; the chunks are overwritten. */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  #headerFilled = 0
  #current: { readonly header: FrameHeader; readonly payload: Uint8Array | undefined } | undefined
  #payloadFilled = 0

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** Takes the next bytes of the pipe, and overwrites them. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      at += this.#current === undefined ? this.#takeHeader(chunk.subarray(at)) : this.#takePayload(chunk.subarray(at))
    }
    chunk.fill(0)
  }

  #takeHeader(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, FRAME_HEADER_BYTES - this.#headerFilled)
    this.#header.set(bytes.subarray(0, taken), this.#headerFilled)
    this.#headerFilled += taken
    if (this.#headerFilled === FRAME_HEADER_BYTES) {
      const [kind, job, payloadBytes, argument] = new Uint32Array(this.#header.buffer) as unknown as number[]
      const header = { kind: kind as FrameKind, job: job!, payloadBytes: payloadBytes!, argument: argument! }
      this.#current = { header, payload: this.#sink.begin(header) }
      this.#headerFilled = 0
      this.#payloadFilled = 0
      this.#endWhenComplete()
    }
    return taken
  }

  #takePayload(bytes: Uint8Array): number {
    const { header, payload } = this.#current!
    const taken = Math.min(bytes.length, header.payloadBytes - this.#payloadFilled)
    payload?.set(bytes.subarray(0, taken), this.#payloadFilled)
    this.#payloadFilled += taken
    this.#endWhenComplete()
    return taken
  }

  #endWhenComplete(): void {
    const current = this.#current!
    if (this.#payloadFilled < current.header.payloadBytes) return
    this.#current = undefined
    this.#sink.end(current.header, current.payload)
  }
}
