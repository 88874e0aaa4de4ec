/**
 * `blindsum run check`: a plan in words before anybody is asked to run it, with a real train step on made-up data to say
 * how long a round will take. Needs no coordinator.
 */
import type { Dataset } from '../../participant/data/dataset.ts'
import { DEFAULT_TRAINING_LIMITS } from '../../participant/training/task.ts'
import { probeModel } from '../../participant/training/train-locally.ts'
import { encodeHex } from '../../shared/crypto/digest.ts'
import { ConfigError } from '../../shared/errors.ts'
import { seededUniform } from '../../shared/onnx/seeded-numbers.ts'
import { classCount, featureShape } from '../../shared/plan/data-spec.ts'
import type { Plan } from '../../shared/plan/plan.ts'
import { type PlanSignature, verifyWithOwnLeaf } from '../../shared/plan/plan-signature.ts'
import { command, JSON_OPTION, wholeNumber } from '../command-line.ts'
import type { LoadedPlan } from '../plan-file.ts'
import { planFigures, planInWords } from '../plan-in-words.ts'
import { printJson, printLine } from '../print.ts'
import { loadPlan } from '../signed-plan.ts'
import { utcTime } from '../text-table.ts'

const PROBE_LIMIT_MS = 300_000

export const runCheckCommand = command(
  {
    name: 'run check',
    usage: 'PLAN',
    about:
      'Says in words what a plan will do: model and loss, what leaves a site, who is assumed to collude, how many sites\n' +
      'may drop out, bytes and seconds per round. Takes a few train steps on made-up data. Contacts nobody. PLAN is a\n' +
      'plan.yaml, or what `blindsum plan sign` made of it: then its signature has to fit the certificate in it.',
    options: {
      examples: { type: 'string', value: 'N', about: 'training examples of a site, for the estimate; default 1000' },
      ...JSON_OPTION,
    },
    words: ['PLAN'],
    example: 'blindsum run check plan.yaml --examples 5000',
  },
  async ({ values, words }) => {
    const examples = wholeNumber(values.examples ?? '1000', 'examples', { min: 1, max: 1_000_000_000 })
    const loaded = loadPlan(words[0] ?? '')
    const { signature } = loaded
    if (signature !== null) refuseBroken(loaded.digest, signature)
    const figures = planFigures(loaded.plan, loaded.model, examples)
    const msPerStep = await timeOfStep(loaded)
    const digest = encodeHex(loaded.digest)
    if (values.json) {
      const secondsPerRound = (msPerStep * figures.stepsPerRound) / 1000
      const signed = signature && {
        authorId: signature.authorId,
        signedAt: new Date(signature.signedAtMs).toISOString(),
      }
      const named = { name: loaded.plan.name, planDigest: digest, signed }
      printJson({ ok: true, ...named, ...figures, msPerStep, secondsPerRound })
    } else {
      for (const line of planInWords(loaded.plan, figures, msPerStep)) printLine(line)
      if (signature !== null) {
        const by = `${signature.authorId} at ${utcTime(signature.signedAtMs)}`
        printLine(`author     signed by ${by} (no trust bundle was asked)`)
      }
      printLine(`digest     ${digest}`)
    }
    return 0
  },
)

/** What a signature can be held to without a trust bundle: its own certificate. @throws ConfigError with the refusal's code. */
function refuseBroken(digest: Uint8Array, signature: PlanSignature): void {
  const verdict = verifyWithOwnLeaf(digest, signature)
  if (!verdict.ok) throw new ConfigError(verdict.code, verdict.message)
}

async function timeOfStep({ plan, modelBytes }: LoadedPlan): Promise<number> {
  const result = await probeModel({
    model: modelBytes,
    task: { ...plan.training, frozen: plan.model.frozen },
    data: madeUpData(plan),
    limits: { ...DEFAULT_TRAINING_LIMITS, maxMs: PROBE_LIMIT_MS },
  })
  if (result.ok) return result.msPerStep
  throw new ConfigError(result.code, `a train step with made-up data failed (${result.code}): ${result.message}`)
}

/** A batch or two of examples of the plan's shape: enough to step on, meaning nothing. */
function madeUpData(plan: Plan): Dataset {
  const shape = featureShape(plan.data)
  const count = 2 * plan.training.batchSize
  const uniform = seededUniform(1)
  const classes = classCount(plan.data)
  const features = Float32Array.from({ length: count * shape.reduce((a, b) => a * b, 1) }, () => uniform() - 0.5)
  const labels =
    classes === undefined
      ? Float32Array.from({ length: count }, () => uniform())
      : BigInt64Array.from({ length: count }, (_, i) => BigInt(i % classes))
  const all = Uint32Array.from({ length: count }, (_, i) => i)
  return { features, labels, count, featureShape: shape, trainIndices: all, evalIndices: new Uint32Array(0) }
}
