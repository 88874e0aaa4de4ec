/** Gradients of operators that act on each element alone, broadcast where there are two operands. */
import { floatAttribute, type Node } from '../model.ts'
import { FIRST_INPUT, FIRST_TWO_INPUTS, type Rule, type RuleContext } from './rule.ts'
import { sumTo } from './sum-to.ts'

/** A rule with one input: upstream times a local derivative. */
function unary(derivative: (context: RuleContext) => string): Rule {
  return {
    differentiable: FIRST_INPUT,
    backward: (context) => [context.builder.op('Mul', [context.upstream, derivative(context)])],
  }
}

/** A rule with two broadcast operands; each function gives the gradient at the broadcast shape. */
function binary(left: (context: RuleContext) => string, right: (context: RuleContext) => string): Rule {
  return {
    differentiable: FIRST_TWO_INPUTS,
    backward: (context) => {
      const operands = [context.input(0), context.input(1)]
      return [left, right].map((gradient, i) =>
        context.wants(i) ? sumTo(context, gradient(context), operands[i]!, operands) : undefined,
      )
    },
  }
}

const positive = ({ builder, input }: RuleContext) => builder.op('Greater', [input(0), builder.scalar(0)])

const negated = ({ builder, upstream }: RuleContext) => builder.op('Neg', [upstream])

/** Times a gradient that is NaN nowhere: Where, not Mul, because 0 · ∞ would spoil what a branch leaves out. */
function slopeBelowZero(slope: (context: RuleContext) => string): Rule {
  return unary((context) => context.builder.op('Where', [positive(context), context.builder.scalar(1), slope(context)]))
}

const power: Rule = {
  // The exponent is a setting of the model, not a weight.
  differentiable: FIRST_INPUT,
  backward: (context) => {
    const { builder, input, upstream } = context
    const reduced = builder.op('Pow', [input(0), builder.op('Sub', [input(1), builder.scalar(1)])])
    const local = builder.op('Mul', [input(1), reduced])
    return [sumTo(context, builder.op('Mul', [upstream, local]), input(0), [input(0), input(1)])]
  },
}

const SQRT_HALF = Math.SQRT1_2
const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI)

export const ELEMENTWISE_RULES: Readonly<Record<string, Rule>> = {
  Add: binary(
    ({ upstream }) => upstream,
    ({ upstream }) => upstream,
  ),
  Sub: binary(({ upstream }) => upstream, negated),
  Mul: binary(
    ({ builder, upstream, input }) => builder.op('Mul', [upstream, input(1)]),
    ({ builder, upstream, input }) => builder.op('Mul', [upstream, input(0)]),
  ),
  Div: binary(
    ({ builder, upstream, input }) => builder.op('Div', [upstream, input(1)]),
    ({ builder, upstream, input, output }) =>
      builder.op('Neg', [builder.op('Div', [builder.op('Mul', [upstream, output()]), input(1)])]),
  ),
  Pow: power,
  Neg: { differentiable: FIRST_INPUT, backward: (context) => [negated(context)] },
  Exp: unary(({ output }) => output()),
  Log: unary(({ builder, input }) => builder.op('Reciprocal', [input(0)])),
  Sqrt: unary(({ builder, output }) => builder.op('Div', [builder.scalar(0.5), output()])),
  Reciprocal: unary(({ builder, output }) => builder.op('Neg', [builder.op('Mul', [output(), output()])])),
  Abs: unary(({ builder, input }) => builder.op('Sign', [input(0)])),
  Relu: unary(({ builder, output }) => builder.op('Sign', [output()])),
  LeakyRelu: slopeBelowZero(({ builder, node }) => builder.scalar(Math.fround(floatAttribute(node, 'alpha', 0.01)))),
  Elu: slopeBelowZero(({ builder, node, output }) =>
    // Below zero y = α(eˣ − 1), so dy/dx = y + α.
    builder.op('Add', [output(), builder.scalar(Math.fround(floatAttribute(node, 'alpha', 1)))]),
  ),
  Sigmoid: unary(({ builder, output }) => {
    const y = output()
    return builder.op('Mul', [y, builder.op('Sub', [builder.scalar(1), y])])
  }),
  Tanh: unary(({ builder, output }) => {
    const y = output()
    return builder.op('Sub', [builder.scalar(1), builder.op('Mul', [y, y])])
  }),
  Softplus: unary(({ builder, input }) => builder.op('Sigmoid', [input(0)])),
  Erf: unary(({ builder, input }) => {
    const density = builder.op('Exp', [builder.op('Neg', [builder.op('Mul', [input(0), input(0)])])])
    return builder.op('Mul', [builder.scalar(TWO_OVER_SQRT_PI), density])
  }),
  Gelu: {
    differentiable: FIRST_INPUT,
    refuse: (node) => (isExactGelu(node) ? undefined : 'only approximate="none" has a gradient'),
    backward: ({ builder, input, upstream }) => {
      // Φ(x) + x φ(x), with Φ by erf.
      const x = input(0)
      const erf = builder.op('Erf', [builder.op('Mul', [x, builder.scalar(SQRT_HALF)])])
      const below = builder.op('Mul', [builder.scalar(0.5), builder.op('Add', [builder.scalar(1), erf])])
      const square = builder.op('Mul', [builder.op('Mul', [x, x]), builder.scalar(-0.5)])
      const density = builder.op('Mul', [builder.op('Exp', [square]), builder.scalar(1 / Math.sqrt(2 * Math.PI))])
      return [builder.op('Mul', [upstream, builder.op('Add', [below, builder.op('Mul', [x, density])])])]
    },
  },
  Clip: unary(({ builder, input, output }) => builder.toFloat(builder.op('Equal', [input(0), output()]))),
}

function isExactGelu(node: Node): boolean {
  const approximate = node.attributes.find(({ name }) => name === 'approximate')?.content
  return !approximate || (approximate.kind === 'string' && new TextDecoder().decode(approximate.value) === 'none')
}
