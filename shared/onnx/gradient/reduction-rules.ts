/** Gradients of the sums along axes: reductions and the softmax family. */
import { intAttribute } from '../model.ts'
import { reducedAxes } from '../shapes.ts'
import { FIRST_INPUT, type Rule, type RuleContext } from './rule.ts'
import { sumTo } from './sum-to.ts'

/** The upstream gradient repeated along the axes that were summed away. */
function spread(context: RuleContext): string {
  const { node, builder, input, upstream } = context
  const shape = builder.op('Shape', [input(0)])
  const axes = reducedAxes(node, context)
  if (axes?.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) === 1) return upstream
  const kept = intAttribute(node, 'keepdims', 1) === 1 || axes?.length === 0
  if (kept) return builder.op('Expand', [upstream, shape])
  // With axes computed while running, the input itself names them.
  const axesValue = axes ? builder.integers(axes) : input(1)
  return builder.op('Expand', [builder.op('Unsqueeze', [upstream, axesValue]), shape])
}

const reduceSum: Rule = { differentiable: FIRST_INPUT, backward: (context) => [spread(context)] }

const reduceMean: Rule = {
  differentiable: FIRST_INPUT,
  backward: (context) => {
    const { builder, input, output } = context
    // Each element of the output is the mean of size(input) / size(output) elements.
    const [whole, parts] = [builder.op('Size', [output()]), builder.op('Size', [input(0)])]
    const share = builder.op('Div', [builder.toFloat(whole), builder.toFloat(parts)])
    return [builder.op('Mul', [spread(context), share])]
  },
}

const softmax: Rule = {
  differentiable: FIRST_INPUT,
  backward: ({ node, builder, output, upstream }) => {
    const y = output()
    const axes = builder.integers([intAttribute(node, 'axis', -1)])
    const mean = builder.op('ReduceSum', [builder.op('Mul', [upstream, y]), axes], { keepdims: 1 })
    return [builder.op('Mul', [y, builder.op('Sub', [upstream, mean])])]
  },
}

const logSoftmax: Rule = {
  differentiable: FIRST_INPUT,
  backward: ({ node, builder, output, upstream }) => {
    const axes = builder.integers([intAttribute(node, 'axis', -1)])
    const total = builder.op('ReduceSum', [upstream, axes], { keepdims: 1 })
    return [builder.op('Sub', [upstream, builder.op('Mul', [builder.op('Exp', [output()]), total])])]
  },
}

const expand: Rule = {
  differentiable: FIRST_INPUT,
  backward: (context) => [sumTo(context, context.upstream, context.input(0), [context.input(0), context.output()])],
}

export const REDUCTION_RULES: Readonly<Record<string, Rule>> = {
  ReduceSum: reduceSum,
  ReduceMean: reduceMean,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  Expand: expand,
}
