/**
 * What the tests compute on: a GPU where there is one, else software Vulkan (Mesa's lavapipe, which `.ci/run` installs).
 * Where there is neither, the tests say what they leave out; under BLINDSUM_REQUIRE_VULKAN they fail instead.
 */
import { describe, expect, test } from 'vitest'
import { watchedEngine } from './watched-engine.ts'

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
