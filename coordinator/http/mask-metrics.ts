/** How long masks take to come off, and when a slower engine had to do it. */
import type { MaskEngine } from '../../shared/masks/mask-engine.ts'
import type { Metrics } from './metrics.ts'

/** The same engine, timed. */
export function timedEngine(engine: MaskEngine, metrics: Metrics): MaskEngine {
  return {
    async accumulate(target, seeds, options) {
      const beganAt = performance.now()
      await engine.accumulate(target, seeds, options)
      metrics.observe('blindsum_mask_seconds', {}, (performance.now() - beganAt) / 1000)
    },
  }
}

const NO_THREADS = 'BLINDSUM_NO_MASK_THREADS'

/** Counts until the returned function is called: the CPU engine warns the process when it has no threads. */
export function countThreadFallbacks(metrics: Metrics): () => void {
  const warned = (warning: Error & { readonly code?: string }) => {
    if (warning.code === NO_THREADS) metrics.count('blindsum_mask_fallbacks_total', { code: 'no_mask_threads' })
  }
  process.on('warning', warned)
  return () => void process.off('warning', warned)
}
