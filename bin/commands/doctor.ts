/**
 * `blindsum doctor`: tries what this machine has to bring, one line per finding. Exit 1 when something necessary fails;
 * what is optional is only told.
 */
import { spawnSync } from 'node:child_process'
import { getCiphers } from 'node:crypto'
import { readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import type { Dataset } from '../../participant/data/dataset.ts'
import { WEBGPU_PACKAGE } from '../../shared/masks/choose-engine.ts'
import { GpuFailure } from '../../shared/masks/gpu/gpu-failure.ts'
import { adapterWords, probeGpu } from '../../shared/masks/gpu/probe-gpu.ts'
import { hasKernels } from '../../shared/masks/kernels.ts'
import { logisticRegression } from '../../shared/onnx/model-writer.ts'
import { command, JSON_OPTION } from '../command-line.ts'
import { type Finding, findingLine } from '../finding.ts'
import { clockFinding, providersFound, readClocks, storeTried } from '../machine-checks.ts'
import { packageFile } from '../package-file.ts'
import { printJson, printLine } from '../print.ts'
import { byteSize } from '../text-table.ts'

const LEAST_FREE_BYTES = 2e9
const LEAST_MEMORY_BYTES = 2e9

export const doctorCommand = command(
  {
    name: 'doctor',
    usage: '',
    about:
      'Checks this machine: runtime, libraries, store, a real train step, disk, memory, clock, GPU. Needs no configuration.',
    options: { ...JSON_OPTION },
    words: [],
    example: 'blindsum doctor',
  },
  async ({ values }) => {
    const findings: Finding[] = []
    for (const check of CHECKS) {
      const finding = await check()
      findings.push(finding)
      if (!values.json) printLine(findingLine(finding))
    }
    const ok = findings.every((finding) => finding.ok || finding.isOptional)
    if (values.json) printJson({ ok, findings })
    else printLine(ok ? 'this machine can run blindsum' : 'this machine cannot run blindsum yet: see ✗ above')
    return ok ? 0 : 1
  },
)

const CHECKS: readonly (() => Promise<Finding> | Finding)[] = [
  () => {
    const pinned = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')).dependencies.node
    const detail = `Node ${process.versions.node} with OpenSSL ${process.versions.openssl}, pinned to ${pinned}`
    return need('runtime', process.versions.node === pinned, detail)
  },
  async () =>
    attempt('libsodium', async () => {
      const { default: sodium } = await import('libsodium-wrappers')
      await sodium.ready
      return `${sodium.SODIUM_VERSION_STRING}, seals the shares`
    }),
  () => need('ChaCha20', getCiphers().includes('chacha20'), 'the keystream of the masks, from OpenSSL'),
  () => {
    const found = hasKernels()
    const detail = found ? 'masks are added 16 bytes at a time' : 'not here: masks are added in plain JavaScript'
    return { name: 'WASM SIMD', ok: found, isOptional: true, detail }
  },
  async () => attempt('providers', providersFound),
  async () => attempt('store', storeTried, 'the coordinator needs SQLite on a local disk'),
  async () => attempt('training', trainStep),
  () => {
    const { bavail, bsize } = statfsSync(process.cwd())
    const free = bavail * bsize
    return need('disk', free >= LEAST_FREE_BYTES, `${byteSize(free)} free here, ${byteSize(LEAST_FREE_BYTES)} wanted`)
  },
  () => {
    const total = totalmem()
    return need('memory', total >= LEAST_MEMORY_BYTES, `${byteSize(total)}, ${byteSize(LEAST_MEMORY_BYTES)} wanted`)
  },
  () => need('cores', true, `${availableParallelism()}, ${cpus()[0]?.model.trim() || 'of a kind unknown'}`),
  () => clockFinding(readClocks()),
  () => {
    const found = spawnSync('openssl', ['version'], { encoding: 'utf8' })
    const detail = found.status === 0 ? found.stdout.trim() : 'not found; only wanted to check signatures by hand'
    return { name: 'openssl', ok: found.status === 0, isOptional: true, detail }
  },
  async () => {
    const found = await probeGpu()
    if (!(found instanceof GpuFailure)) {
      return { name: 'GPU', ok: true, isOptional: true, detail: `${adapterWords(found)}, for masks where it is faster` }
    }
    const why = found.code === 'package_missing' ? `npm package ${WEBGPU_PACKAGE} is not installed` : found.message
    return {
      name: 'GPU',
      ok: false,
      isOptional: true,
      detail: `${why}; not needed: masks run on the CPU${seenByNvidia()}`,
    }
  },
]

/** One step of logistic regression on four made-up examples, in the process that trains. */
async function trainStep(): Promise<string> {
  const { probeModel } = await import('../../participant/training/train-locally.ts')
  const { DEFAULT_TRAINING_LIMITS } = await import('../../participant/training/task.ts')
  const data: Dataset = {
    features: Float32Array.from({ length: 8 }, (_, i) => i / 8),
    labels: BigInt64Array.from([0n, 1n, 0n, 1n]),
    count: 4,
    featureShape: [2],
    trainIndices: Uint32Array.of(0, 1, 2, 3),
    evalIndices: new Uint32Array(0),
  }
  const result = await probeModel({
    model: logisticRegression({ features: 2, classes: 2, seed: 1 }),
    task: { loss: 'softmax-cross-entropy', frozen: [], localSteps: 1, batchSize: 4, learningRate: 0.1, momentum: 0.9 },
    data,
    limits: { ...DEFAULT_TRAINING_LIMITS, maxMs: 60_000 },
  })
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`)
  return `onnxruntime took a train step in ${result.msPerStep.toFixed(2)} ms`
}

/** What NVIDIA's own tool sees, for whoever wonders why masks do not. */
function seenByNvidia(): string {
  const query = ['--query-gpu=name,driver_version', '--format=csv,noheader']
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' })
  return status === 0 ? `; nvidia-smi sees ${stdout.trim().split('\n').join(' and ')}` : ''
}

function need(name: string, ok: boolean, detail: string): Finding {
  return { name, ok, isOptional: false, detail }
}

async function attempt(name: string, work: () => Promise<string>, advice = 'reinstall with: npm ci') {
  try {
    return need(name, true, await work())
  } catch (error) {
    return need(name, false, `${(error as Error).message.split('\n')[0]}; ${advice}`)
  }
}
