/**
 * What the threads of one job share: the task, and a board on which they claim tiles, count what is done and see that they
 * are to stop. Every thread starts with a stretch of its own, so that its ciphers run on; one that is through takes half of
 * what another has left.
 */
import type { MaskTask } from './mask-task.ts'
import type { TileRange } from './tile-range.ts'

/** One job as it is posted to each thread. */
export interface MaskJob {
  readonly id: number
  readonly task: MaskTask
  readonly tileBytes: number
  readonly board: SharedArrayBuffer
  /** Which of the board's stretches is this thread's own. */
  readonly stretch: number
}

/** What a thread says: that it has loaded, and how each job ended for it. */
export type FromMaskThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'ended'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }

const STOP = 0
const DONE_BYTES = 1
const STRETCHES = 2

/** Fewer tiles than these are left to their owner: new ciphers for less would cost more than they save. */
const LEAST_TO_DIVIDE = 4

/** A view of the board; every thread has one. */
export class JobBoard {
  readonly #words: BigUint64Array

  constructor(board: SharedArrayBuffer) {
    this.#words = new BigUint64Array(board)
  }

  /** A board for so many threads, the tiles divided among them in stretches of one length. */
  static create(range: TileRange, threads: number): SharedArrayBuffer {
    const board = new SharedArrayBuffer((STRETCHES + threads) * BigUint64Array.BYTES_PER_ELEMENT)
    const words = new BigUint64Array(board)
    const tiles = range.end - range.first
    const cut = (thread: number) => range.first + Math.floor((tiles * thread) / threads)
    for (let thread = 0; thread < threads; thread += 1) words[STRETCHES + thread] = packed(cut(thread), cut(thread + 1))
    return board
  }

  stop(): void {
    Atomics.store(this.#words, STOP, 1n)
  }

  get isStopped(): boolean {
    return Atomics.load(this.#words, STOP) !== 0n
  }

  addDone(bytes: number): void {
    Atomics.add(this.#words, DONE_BYTES, BigInt(bytes))
  }

  get doneBytes(): number {
    return Number(Atomics.load(this.#words, DONE_BYTES))
  }

  /** The next tile for the thread that owns this stretch, or null when nobody has one to spare. Each tile is given once. */
  claim(stretch: number): number | null {
    const own = STRETCHES + stretch
    for (;;) {
      const value = Atomics.load(this.#words, own)
      const [next, end] = unpacked(value)
      if (next === end) {
        if (this.#takeOver(own)) continue
        return null
      }
      if (this.#exchange(own, value, packed(next + 1, end))) return next
    }
  }

  /** Moves the second half of the longest stretch left to the empty one, which costs a new cipher per seed. */
  #takeOver(own: number): boolean {
    for (;;) {
      let [longest, tilesLeft] = [own, LEAST_TO_DIVIDE - 1]
      for (let other = STRETCHES; other < this.#words.length; other += 1) {
        const [next, end] = unpacked(Atomics.load(this.#words, other))
        if (end - next > tilesLeft) [longest, tilesLeft] = [other, end - next]
      }
      if (longest === own) return false
      const value = Atomics.load(this.#words, longest)
      const [next, end] = unpacked(value)
      const middle = next + Math.ceil((end - next) / 2)
      if (middle >= end || !this.#exchange(longest, value, packed(next, middle))) continue
      Atomics.store(this.#words, own, packed(middle, end))
      return true
    }
  }

  /** No stretch ever has the same value twice: tiles only go away. */
  #exchange(place: number, from: bigint, to: bigint): boolean {
    return Atomics.compareExchange(this.#words, place, from, to) === from
  }
}

function packed(next: number, end: number): bigint {
  return (BigInt(next) << 32n) | BigInt(end)
}

function unpacked(value: bigint): [next: number, end: number] {
  return [Number(value >> 32n), Number(value & 0xffffffffn)]
}
