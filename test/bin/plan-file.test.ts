/** What an author can write wrongly, and what is said about it. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { loadPlanFile } from '../../bin/plan-file.ts'
import { ConfigError } from '../../shared/errors.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { encodeModel } from '../../shared/onnx/encode.ts'
import { denseClassifier } from '../../shared/onnx/model-writer.ts'
import { parsePlan } from '../../shared/plan/plan-document.ts'
import { runInProcess } from './run-commands.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-plan-'))
afterAll(() => rmSync(folder, { recursive: true }))

const modelBytes = denseClassifier({ layers: [6, 5, 3], activation: 'relu', seed: 1 })
beforeAll(() => writeFileSync(join(folder, 'model.onnx'), modelBytes))

const PLAN = {
  name: 'small',
  rounds: 3,
  model: { file: 'model.onnx' },
  participants: { enrolled: ['a', 'b', 'c', 'd', 'e'].map((name) => `spiffe://demo.example/site/${name}`) },
  data: { kind: 'arrays', shape: [6], classes: 3 },
  training: { loss: 'softmax-cross-entropy', localEpochs: 1, learningRate: 0.1 },
}

function written(content: object | string, name = 'plan.yaml'): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : stringify(content))
  return path
}

function refusal(path: string): { code: string; text: string } {
  try {
    loadPlanFile(path)
  } catch (error) {
    if (error instanceof ConfigError) return { code: error.code, text: error.problems.join('\n') }
    throw error
  }
  throw new Error('the plan was not refused')
}

describe('loadPlanFile', () => {
  test('makes the document that coordinator and sites parse, with the model by its digests', () => {
    const { plan, document, digest } = loadPlanFile(written(PLAN))
    expect(parsePlan(document)).toEqual(plan)
    expect(plan.model).toMatchObject({
      sha256: createHash('sha256').update(modelBytes).digest('hex'),
      bytes: modelBytes.length,
      parameterCount: 6 * 5 + 5 + 5 * 3 + 3,
      frozen: [],
    })
    expect(Buffer.from(digest).toString('hex')).toBe(createHash('sha256').update(document).digest('hex'))
  })

  test('unknown keys are refused, all problems at once', () => {
    const path = written({ ...PLAN, roundz: 3, training: { ...PLAN.training, momentun: 0.9, learningRate: -1 } })
    const { code, text } = refusal(path)
    expect(code).toBe('bad_config')
    expect(text).toContain('roundz')
    expect(text).toContain('momentun')
    expect(text).toContain('training.learningRate')
  })

  test('a key standing twice is refused', () => {
    const { code, text } = refusal(written('name: one\nname: two\n'))
    expect(code).toBe('bad_config')
    expect(text).toMatch(/keys must be unique.*line 2/)
  })

  test('what is not YAML is refused with its place', () => {
    const { code, text } = refusal(written('name: [one\nrounds: 3\n'))
    expect(code).toBe('bad_config')
    expect(text).toMatch(/line \d/)
  })

  test('a missing plan and a missing model are named', () => {
    expect(refusal(join(folder, 'absent.yaml'))).toMatchObject({ code: 'config_unreadable' })
    const { code, text } = refusal(written({ ...PLAN, model: { file: 'absent.onnx' } }))
    expect(code).toBe('model_unreadable')
    expect(text).toContain('absent.onnx')
  })

  test('a model that is no ONNX file is refused', () => {
    writeFileSync(join(folder, 'noise.onnx'), 'not a model at all')
    expect(refusal(written({ ...PLAN, model: { file: 'noise.onnx' } })).code).toMatch(/^model_/)
  })

  test('an operator without a gradient is named with its node', () => {
    const model = decodeModel(modelBytes)
    const nodes = model.graph.nodes.map((node) =>
      node.opType === 'Relu' ? { ...node, opType: 'Einsum', name: 'odd' } : node,
    )
    writeFileSync(join(folder, 'odd.onnx'), encodeModel({ ...model, graph: { ...model.graph, nodes } }))
    const { code, text } = refusal(written({ ...PLAN, model: { file: 'odd.onnx' } }))
    expect(code).toBe('model_refused')
    expect(text).toContain('no gradient for Op Einsum at node "odd"')
  })

  test('a loss that does not fit the output, and data that does not fit the input, are refused', () => {
    const training = { ...PLAN.training, loss: 'binary-cross-entropy' }
    expect(refusal(written({ ...PLAN, training }))).toMatchObject({ code: 'model_not_trainable' })
    const { code, text } = refusal(written({ ...PLAN, data: { ...PLAN.data, shape: [7] } }))
    expect(code).toBe('model_not_trainable')
    expect(text).toContain("the model takes [6] per example, the plan's data section gives [7]")
  })

  test('rules across fields are refused as every site would refuse them', () => {
    const { code, text } = refusal(written({ ...PLAN, security: { gamma: 0.4 }, aggregation: { modulusBits: 16 } }))
    expect(code).toBe('bad_plan')
    expect(text).toContain('2 possible colluders among 5 participants')
    expect(text).toContain('modulusBits 16 could overflow')
  })
})

describe('run check', () => {
  test('says in words what the plan does and costs', async () => {
    const { code, stdout } = await runInProcess('run check', [written(PLAN), '--examples', '500'])
    expect(code).toBe(0)
    expect(stdout).toContain('small: 3 rounds')
    expect(stdout).toContain('53 trained parameters; operators 2 × Gemm, Relu')
    expect(stdout).toContain('t = 4 shares rebuild a secret, q = 4 signatures fix the survivors')
    expect(stdout).toContain('a full cohort bears 1 dropout')
    expect(stdout).toMatch(/about \d+\.\d s of training per round on this machine: 16 steps/)
  })

  test('--json gives the figures', async () => {
    const { code, stdout } = await runInProcess('run check', [written(PLAN), '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      name: 'small',
      parameters: 53,
      modulusBits: 19,
      colluders: 1,
      threshold: 4,
      quorum: 4,
      toleratedDropouts: 1,
      stepsPerRound: 32,
    })
  })
})
