/** What cannot be kept because the disk is full is tried again until it can: an operator makes room, and the run goes on. */
import { setTimeout as delay } from 'node:timers/promises'
import { isDiskFull } from '../store/storage-failure.ts'

const PAUSE_MS = 5000

/**
 * The outcome of `step`, which may be taken many times. `onFull` is told each time that there is no room. Rejects with the
 * signal's reason when it is aborted meanwhile.
 */
export async function withRoomOnDisk<T>(
  step: () => Promise<T>,
  { signal, onFull, pauseMs = PAUSE_MS }: { signal: AbortSignal; onFull: () => void; pauseMs?: number },
): Promise<T> {
  for (;;) {
    try {
      return await step()
    } catch (error) {
      if (!isDiskFull(error)) throw error
      onFull()
    }
    await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
