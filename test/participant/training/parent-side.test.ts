/** The agent's own process stays free of the runtime: only the training child loads onnxruntime. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** Whether a fresh process that imports `path` has a shared library of the runtime mapped. */
async function loadsRuntime(path: string): Promise<boolean> {
  const url = new URL(`../../../participant/training/${path}`, import.meta.url)
  const script = `await import(${JSON.stringify(url.href)});
    process.stdout.write(String(process.report.getReport().sharedObjects.some((name) => /onnxruntime/.test(name))))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  return stdout === 'true'
}

test('the door to training loads no onnxruntime; the child does, so the check can tell', async () => {
  expect(await loadsRuntime('train-locally.ts')).toBe(false)
  expect(await loadsRuntime('child-work.ts')).toBe(true)
})
