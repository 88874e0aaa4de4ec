/**
 * The losses, as nodes behind the forward part. Each gives, for a batch with per-example weights `w` (0 for padding):
 * the weighted loss per example, the gradient of the sum of losses by the output, and which examples were right.
 */
import { unreachable } from '../../errors.ts'
import { DATA_TYPE } from '../model.ts'
import type { Shape } from '../shapes.ts'
import type { GraphBuilder } from './graph-builder.ts'

/** What the model is trained for; each fixes the type of the labels `y`. */
export const LOSSES = ['softmax-cross-entropy', 'binary-cross-entropy', 'mean-squared-error'] as const
export type Loss = (typeof LOSSES)[number]

/** Data type of the labels: class numbers for the classifications, float32 for the regression. */
export function labelDataType(loss: Loss): number {
  return loss === 'mean-squared-error' ? DATA_TYPE.float : DATA_TYPE.int64
}

export type LossNodes = {
  /** Scalar: sum over the batch of weight times loss. */
  readonly lossSum: string
  /** Gradient of lossSum by the output, in the output's shape. */
  readonly gradient: string
  /** Scalar: sum over the batch of weight times (1 where the prediction is right); 0 for a regression. */
  readonly correct: string
}

/** Why an output of this shape does not fit the loss, or undefined. */
export function outputProblem(loss: Loss, shape: Shape | undefined): string | undefined {
  if (!shape) return undefined
  const found = `[${shape.map((dimension) => dimension ?? '?').join(', ')}]`
  if (loss === 'softmax-cross-entropy') {
    if (shape.length === 2 && shape[1] !== 1) return undefined
    return `${loss} needs an output of shape [N, classes], found ${found}`
  }
  const single = shape.length === 1 || (shape.length === 2 && (typeof shape[1] !== 'number' || shape[1] === 1))
  return single ? undefined : `${loss} needs an output of shape [N, 1] or [N], found ${found}`
}

/** Adds the nodes of `loss` on `output`, labels `y` and weights `w`. */
export function addLoss(builder: GraphBuilder, loss: Loss, output: string): LossNodes {
  switch (loss) {
    case 'softmax-cross-entropy':
      return softmaxCrossEntropy(builder, output)
    case 'binary-cross-entropy':
      return binaryCrossEntropy(builder, output)
    case 'mean-squared-error':
      return meanSquaredError(builder, output)
    default:
      return unreachable(loss)
  }
}

function softmaxCrossEntropy(b: GraphBuilder, logits: string): LossNodes {
  const logProbabilities = b.op('LogSoftmax', [logits], { axis: 1 })
  const classes = b.op('Gather', [b.op('Shape', [logits]), b.integers([1])])
  const expected = b.op('OneHot', ['y', classes, b.floats([0, 1])], { axis: 1 })
  const likelihood = b.op('ReduceSum', [b.op('Mul', [expected, logProbabilities]), b.integers([1])], { keepdims: 0 })
  const difference = b.op('Sub', [b.op('Exp', [logProbabilities]), expected])
  const right = b.op('Equal', [b.op('ArgMax', [logits], { axis: 1, keepdims: 0 }), 'y'])
  return {
    lossSum: weightedSum(b, b.op('Neg', [likelihood])),
    gradient: b.op('Mul', [difference, b.op('Unsqueeze', ['w', b.integers([1])])]),
    correct: weightedSum(b, b.toFloat(right)),
  }
}

/** On a logit z: log(1 + eᶻ) − y·z, written so that no exponential overflows. */
function binaryCrossEntropy(b: GraphBuilder, logits: string): LossNodes {
  const z = b.op('Reshape', [logits, b.integers([-1])])
  const y = b.toFloat('y')
  const tail = b.op('Log', [b.op('Add', [b.scalar(1), b.op('Exp', [b.op('Neg', [b.op('Abs', [z])])])])])
  const softplus = b.op('Add', [b.op('Relu', [z]), tail])
  const difference = b.op('Sub', [b.op('Sigmoid', [z]), y])
  const right = b.op('Equal', [b.toFloat(b.op('Greater', [z, b.scalar(0)])), y])
  return {
    lossSum: weightedSum(b, b.op('Sub', [softplus, b.op('Mul', [y, z])])),
    gradient: inShapeOf(b, b.op('Mul', [difference, 'w']), logits),
    correct: weightedSum(b, b.toFloat(right)),
  }
}

function meanSquaredError(b: GraphBuilder, prediction: string): LossNodes {
  const difference = b.op('Sub', [b.op('Reshape', [prediction, b.integers([-1])]), 'y'])
  const slope = b.op('Mul', [b.op('Mul', [difference, b.scalar(2)]), 'w'])
  return {
    lossSum: weightedSum(b, b.op('Mul', [difference, difference])),
    gradient: inShapeOf(b, slope, prediction),
    correct: b.op('Mul', [b.scalar(0), b.op('ReduceSum', ['w'], { keepdims: 0 })]),
  }
}

function weightedSum(b: GraphBuilder, perExample: string): string {
  return b.op('ReduceSum', [b.op('Mul', [perExample, 'w'])], { keepdims: 0 })
}

function inShapeOf(b: GraphBuilder, value: string, like: string): string {
  return b.op('Reshape', [value, b.op('Shape', [like])])
}
