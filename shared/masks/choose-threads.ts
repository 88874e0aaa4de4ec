/** Who does a piece of work: how many threads of which pool, or the caller's own. */
import { MaskThreads } from './mask-threads.ts'

/** Keystream per thread below which waking one more costs more than it saves: about a millisecond's worth. */
const BYTES_PER_THREAD = 4 * 1024 * 1024

export interface ChosenThreads {
  readonly threads: MaskThreads
  readonly mostThreads: number
}

/** Shared by all engines of this process that were given no threads of their own. */
let processThreads: MaskThreads | undefined

/**
 * The threads that are to do it, running; null when it is better done here, or there are none. A pool of the caller's own is
 * used for all work, little or much, with all its threads.
 */
export async function threadsFor(
  work: {
    readonly keystreamBytes: number
    /** Whether threads are worth what it costs to get the data to them. */
    readonly paysCopying: boolean
  },
  wanted: MaskThreads | 'none' | undefined,
): Promise<ChosenThreads | null> {
  const { keystreamBytes, paysCopying } = work
  if (wanted === 'none' || keystreamBytes === 0) return null
  processThreads ??= new MaskThreads()
  const threads = wanted ?? processThreads
  let mostThreads = threads.count
  if (threads === processThreads) {
    // Only as many as are worth waking.
    mostThreads = Math.min(mostThreads, Math.floor(keystreamBytes / BYTES_PER_THREAD))
    if (mostThreads < 2 || !paysCopying) return null
  }
  if ((await threads.start(mostThreads)) > 0) return { threads, mostThreads }
  process.emitWarning('No mask threads could be started: masks are added on the main thread, on one core.', {
    code: 'BLINDSUM_NO_MASK_THREADS',
  })
  return null
}
