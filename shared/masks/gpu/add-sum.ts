/** Adds a checked sum of masks to the vector, a little at a time so that the event loop turns in between. */
import { setImmediate } from 'node:timers/promises'
import type { Lanes } from '../../vector/encoding.ts'

/** About a tenth of a millisecond's work. */
const LANES_PER_TURN = 256 * 1024

/** Typed arrays wrap by themselves, which is the arithmetic mod 2^16 and 2^32 that masks need. */
export async function addSum(target: Lanes, sum: Lanes): Promise<void> {
  for (let start = 0; start < target.length; start += LANES_PER_TURN) {
    addLanes(target.subarray(start, start + LANES_PER_TURN), sum.subarray(start, start + LANES_PER_TURN))
    await setImmediate()
  }
}

function addLanes(target: Lanes, sum: Lanes): void {
  for (let lane = 0; lane < target.length; lane += 1) target[lane] = target[lane]! + sum[lane]!
}
