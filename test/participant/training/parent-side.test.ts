/** The agent's own process stays free of the runtime: only the training child loads onnxruntime. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { CHILD_ENVIRONMENT } from '../../../participant/training/run-child.ts'

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

const LIBRARY = `bin/napi-v6/linux/${process.arch}/libonnxruntime.so.1`

/** Where the runtime keeps what it means to send: telemetry must be off before it loads. */
async function telemetryFilesAfterTraining(): Promise<readonly string[]> {
  const home = mkdtempSync(join(tmpdir(), 'blindsum-home-'))
  try {
    const work = new URL('../../../participant/training/runtime-session.ts', import.meta.url)
    const writer = new URL('../../../shared/onnx/model-writer.ts', import.meta.url)
    const script = `const { InferenceSession } = await import('onnxruntime-node'); await import(${JSON.stringify(work.href)});
      const { denseClassifier } = await import(${JSON.stringify(writer.href)});
      const session = await InferenceSession.create(denseClassifier({ layers: [2, 2], activation: 'relu', seed: 1 }));
      await session.release()`
    const env = { HOME: home, PATH: process.env.PATH ?? '', ...CHILD_ENVIRONMENT }
    const cwd = fileURLToPath(new URL('../../..', import.meta.url))
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env, cwd })
    return readdirSync(home, { recursive: true, encoding: 'utf8' })
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

test.runIf(process.platform === 'linux')(
  'the environment of a training child keeps the runtime from writing home',
  async () => {
    expect(await telemetryFilesAfterTraining()).toEqual([])
    // The switch is still the one this version of the runtime looks at; a run without it would send.
    const library = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), LIBRARY)
    expect(readFileSync(library).includes('ORT_DISABLE_TELEMETRY')).toBe(true)
  },
)
