/** A GPU engine over the plain one, that keeps what it says. */
import { type GpuEngineOptions, type GpuMaskEngine, gpuMaskEngine } from '../../../../shared/masks/gpu/gpu-engine.ts'
import type { GpuFailureCode } from '../../../../shared/masks/gpu/gpu-failure.ts'
import { plainMaskEngine } from '../../../../shared/masks/plain-engine.ts'

export interface WatchedEngine extends GpuMaskEngine {
  readonly fallbacks: readonly GpuFailureCode[]
  readonly lines: readonly string[]
}

/** An engine over the plain one that keeps what it says. Software adapters will do. */
export function watchedEngine(options: Partial<GpuEngineOptions> = {}): WatchedEngine {
  const fallbacks: GpuFailureCode[] = []
  const lines: string[] = []
  const engine = gpuMaskEngine({
    cpu: plainMaskEngine(),
    log: { warn: (_fields: object, message: string) => lines.push(message) } as unknown as GpuEngineOptions['log'],
    onFallback: (code) => fallbacks.push(code),
    allowSoftwareAdapter: true,
    ...options,
  })
  // Not a spread: `pid` is asked every time.
  return Object.defineProperties(engine, {
    fallbacks: { value: fallbacks },
    lines: { value: lines },
  }) as WatchedEngine
}
