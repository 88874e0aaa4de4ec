/**
 * Turns a forward model into graphs that run on the inference runtime: one training step (forward, loss, gradients,
 * momentum SGD) and one evaluation. Both are plain ONNX of the model's own opset.
 *
 * Train step — in: `param.<name>`, `state.momentum.<name>` (when momentum > 0), `x` [N, …], `y` [N], `w` [N] (weight per
 * example, 0 for padding), `lr` scalar. Out: `new.param.<name>`, `new.state.momentum.<name>`, `loss_sum` scalar.
 * Evaluation — in: `x`, `y`, `w`. Out: `loss_sum`, `correct` scalars and `width`, the length of the output's last axis.
 */
import { ConfigError } from '../../errors.ts'
import { encodeModel } from '../encode.ts'
import { DATA_TYPE, type Model, type Tensor, type ValueInfo } from '../model.ts'
import type { Shape } from '../shapes.ts'
import { differentiate } from './differentiate.ts'
import { type ForwardPart, forwardPart, PARAMETER_PREFIX } from './forward-part.ts'
import { GraphBuilder } from './graph-builder.ts'
import { addLoss, type Loss, labelDataType, outputProblem } from './losses.ts'
import { UnknownRank } from './matrix-rules.ts'

export const STATE_PREFIX = 'state.momentum.'

export type TrainStepOptions = {
  readonly loss: Loss
  /** Names of initializers that stay as they are. */
  readonly frozen: readonly string[]
  /** Momentum coefficient in [0, 1); 0 leaves the state out. */
  readonly momentum: number
  /** L2 penalty added to the gradient, ≥ 0. */
  readonly weightDecay: number
}

/**
 * The training step of `model` as a serialized ONNX model. The gradient is the mean over the batch, Σ w·∂loss / Σ w;
 * then g += weightDecay·p, v = momentum·v + g, p −= lr·v.
 *
 * @throws ConfigError `model_not_trainable` with every reason found.
 */
export function buildTrainStep(model: Model, options: TrainStepOptions): Uint8Array {
  const part = checkedForwardPart(model, options)
  const builder = new GraphBuilder()
  const { lossSum, gradient } = addLoss(builder, options.loss, part.output)
  const upstream = builder.op('Div', [gradient, builder.op('ReduceSum', ['w'], { keepdims: 0 })])
  const gradients = backward(part, builder, upstream)
  builder.opTo('loss_sum', 'Identity', [lossSum])

  const inputs = [...part.graph.inputs, ...labelInputs(options.loss), floatValue('lr', [])]
  const outputs = [floatValue('loss_sum', [])]
  for (const parameter of part.graph.initializers.filter(isParameter)) {
    const name = parameter.name.slice(PARAMETER_PREFIX.length)
    inputs.push(floatValue(parameter.name, parameter.dims))
    outputs.push(floatValue(`new.${parameter.name}`, parameter.dims))
    let step = gradients.get(parameter.name) ?? ''
    if (options.weightDecay > 0) {
      const pull = builder.op('Mul', [parameter.name, builder.scalar(options.weightDecay)])
      step = builder.op('Add', [step, pull])
    }
    if (options.momentum > 0) {
      const state = `${STATE_PREFIX}${name}`
      inputs.push(floatValue(state, parameter.dims))
      outputs.push(floatValue(`new.${state}`, parameter.dims))
      const carried = builder.op('Mul', [state, builder.scalar(options.momentum)])
      step = builder.opTo(`new.${state}`, 'Add', [carried, step])
    }
    builder.opTo(`new.${parameter.name}`, 'Sub', [parameter.name, builder.op('Mul', ['lr', step])])
  }
  return assemble(model, part, { builder, inputs, outputs, keep: (tensor) => !isParameter(tensor) })
}

/**
 * The evaluation of `model` as it stands, weights inside, as a serialized ONNX model.
 *
 * @throws ConfigError `model_not_trainable` with every reason found.
 */
export function buildEvaluation(model: Model, options: Pick<TrainStepOptions, 'loss' | 'frozen'>): Uint8Array {
  const part = checkedForwardPart(model, options)
  const builder = new GraphBuilder()
  const { lossSum, correct } = addLoss(builder, options.loss, part.output)
  builder.opTo('loss_sum', 'Identity', [lossSum])
  builder.opTo('correct', 'Identity', [correct])
  builder.opTo('width', 'Gather', [builder.op('Shape', [part.output]), builder.integers([-1])])
  const outputs = [floatValue('loss_sum', []), floatValue('correct', []), value('width', DATA_TYPE.int64, [1])]
  const inputs = [...part.graph.inputs, ...labelInputs(options.loss)]
  return assemble(model, part, { builder, inputs, outputs, keep: () => true })
}

function checkedForwardPart(model: Model, { loss, frozen }: Pick<TrainStepOptions, 'loss' | 'frozen'>): ForwardPart {
  const part = forwardPart(model, loss, frozen)
  const problem = outputProblem(loss, part.shapes.shape(part.output))
  if (problem) throw new ConfigError('model_not_trainable', problem)
  return part
}

function backward(part: ForwardPart, builder: GraphBuilder, upstream: string): ReadonlyMap<string, string> {
  try {
    return differentiate({ ...part, builder, upstream })
  } catch (cause) {
    if (!(cause instanceof UnknownRank)) throw cause
    throw new ConfigError('model_not_trainable', cause.message, { cause })
  }
}

type Assembly = {
  readonly builder: GraphBuilder
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly keep: (tensor: Tensor) => boolean
}

function assemble(model: Model, part: ForwardPart, { builder, inputs, outputs, keep }: Assembly): Uint8Array {
  return encodeModel({
    ...model,
    producerName: 'blindsum',
    producerVersion: '',
    metadata: [],
    unknown: [],
    graph: {
      name: 'step',
      nodes: [...part.graph.nodes, ...builder.nodes],
      initializers: [...part.graph.initializers.filter(keep), ...builder.initializers],
      inputs,
      outputs,
      valueInfos: [],
      sparseInitializerCount: 0,
      unknown: [],
    },
  })
}

function isParameter(tensor: Tensor): boolean {
  return tensor.name.startsWith(PARAMETER_PREFIX)
}

function labelInputs(loss: Loss): ValueInfo[] {
  return [value('y', labelDataType(loss), ['N']), floatValue('w', ['N'])]
}

function floatValue(name: string, shape: Shape): ValueInfo {
  return value(name, DATA_TYPE.float, shape)
}

function value(name: string, elementType: number, shape: Shape): ValueInfo {
  return { name, type: { elementType, shape }, encoded: undefined }
}
