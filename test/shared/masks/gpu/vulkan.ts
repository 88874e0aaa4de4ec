/**
 * What the tests compute on: a GPU where there is one, else software Vulkan (Mesa's lavapipe, which `.ci/run` installs).
 * Where there is neither, the tests say what they leave out; under BLINDSUM_REQUIRE_VULKAN they fail instead.
 */
import { describe, expect, test } from 'vitest'
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

const probe = watchedEngine()
const missing: string | undefined = await probe.adapter().then(
  () => undefined,
  (cause: Error) => cause.message,
)
probe.close()

/** `describe` where there is something to compute on. */
export function describeOnGpu(name: string, body: () => void): void {
  if (missing === undefined) describe(name, body)
  else if (process.env.BLINDSUM_REQUIRE_VULKAN) test(name, () => expect(missing).toBeUndefined())
  else {
    console.log(`left out: ${name}: ${missing}`)
    describe.skip(name, body)
  }
}
