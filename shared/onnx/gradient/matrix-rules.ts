/** Gradients of the matrix products. Transposes go into Gemm's flags, so that no weight is copied to be turned. */
import { floatAttribute, intAttribute } from '../model.ts'
import type { Shape } from '../shapes.ts'
import { FIRST_TWO_INPUTS, type Rule, type RuleContext } from './rule.ts'
import { sumTo } from './sum-to.ts'

/** Y = α·A'·B' + β·C with A' and B' transposed as the flags say. */
const gemm: Rule = {
  differentiable: (node) => (node.inputs[2] ? [0, 1, 2] : [0, 1]),
  backward: (context) => {
    const { node, builder, input, output, upstream, wants } = context
    const transA = intAttribute(node, 'transA', 0)
    const transB = intAttribute(node, 'transB', 0)
    const alpha = { float: floatAttribute(node, 'alpha', 1) }
    const [a, b] = [input(0), input(1)]
    const byA = () =>
      transA
        ? builder.op('Gemm', [b, upstream], { alpha, transA: transB, transB: 1 })
        : builder.op('Gemm', [upstream, b], { alpha, transA: 0, transB: 1 - transB })
    const byB = () =>
      transB
        ? builder.op('Gemm', [upstream, a], { alpha, transA: 1, transB: transA })
        : builder.op('Gemm', [a, upstream], { alpha, transA: 1 - transA, transB: 0 })
    const byC = () => {
      const beta = floatAttribute(node, 'beta', 1)
      const scaled = beta === 1 ? upstream : builder.op('Mul', [upstream, builder.scalar(beta)])
      return sumTo(context, scaled, input(2), [input(2), output()])
    }
    return [byA, byB, byC].map((gradient, i) => (wants(i) ? gradient() : undefined))
  },
}

const matmul: Rule = {
  differentiable: FIRST_TWO_INPUTS,
  backward: (context) => {
    const [a, b] = [context.shape(context.input(0)), context.shape(context.input(1))]
    if (!a || !b) throw new UnknownRank('the ranks of its inputs cannot be told before running')
    if (a.length === 2 && b.length === 2) return matmul2d(context)
    if (a.length > 2 && b.length === 2) return matmulByMatrix(context)
    return matmulGeneral(context, a, b)
  },
}

/** Thrown by a rule whose operands' ranks are not known; becomes a refusal. */
export class UnknownRank extends Error {
  override readonly name = 'UnknownRank'
}

function matmul2d({ builder, input, upstream, wants }: RuleContext): (string | undefined)[] {
  return [
    wants(0) ? builder.op('Gemm', [upstream, input(1)], { transB: 1 }) : undefined,
    wants(1) ? builder.op('Gemm', [input(0), upstream], { transA: 1 }) : undefined,
  ]
}

/** A stack of rows times one matrix: the stack is laid out flat, so that both gradients are single products. */
function matmulByMatrix({ builder, input, upstream, wants }: RuleContext): (string | undefined)[] {
  const [a, b] = [input(0), input(1)]
  const flat = (value: string, lengthFrom: string, axis: number) => {
    const width = builder.op('Gather', [builder.op('Shape', [lengthFrom]), builder.integers([axis])])
    return builder.op('Reshape', [value, builder.op('Concat', [builder.integers([-1]), width], { axis: 0 })])
  }
  const upstream2d = flat(upstream, b, 1)
  const byA = () =>
    builder.op('Reshape', [builder.op('Gemm', [upstream2d, b], { transB: 1 }), builder.op('Shape', [a])])
  const byB = () => builder.op('Gemm', [flat(a, b, 0), upstream2d], { transA: 1 })
  return [wants(0) ? byA() : undefined, wants(1) ? byB() : undefined]
}

/** Any ranks: vectors become matrices, stacks are broadcast and the gradients summed back. */
function matmulGeneral(context: RuleContext, a: Shape, b: Shape): (string | undefined)[] {
  const { builder, input, upstream, wants } = context
  const widen = (value: string, axis: number) => builder.op('Unsqueeze', [value, builder.integers([axis])])
  let [left, right, gradient] = [input(0), input(1), upstream]
  if (b.length === 1) gradient = widen(gradient, -1)
  if (a.length === 1) gradient = widen(gradient, -2)
  if (a.length === 1) left = widen(left, 0)
  if (b.length === 1) right = widen(right, 1)
  const turned = (value: string, rank: number) => {
    const perm = Array.from({ length: rank }, (_, axis) => axis)
    perm.splice(-2, 2, rank - 1, rank - 2)
    return builder.op('Transpose', [value], { perm })
  }
  const rank = Math.max(a.length, b.length, 2)
  const byA = () => restore(builder.op('MatMul', [gradient, turned(right, Math.max(b.length, 2))]), input(0), a)
  const byB = () => restore(builder.op('MatMul', [turned(left, Math.max(a.length, 2)), gradient]), input(1), b)
  return [wants(0) ? byA() : undefined, wants(1) ? byB() : undefined]

  /** Sums over the stack axes that the operand did not have, then gives the product the operand's shape. */
  function restore(product: string, target: string, shape: Shape): string {
    if (shape.length > 1) return sumTo(context, product, target, [target, product])
    const stack = Array.from({ length: rank - 2 }, (_, axis) => axis)
    const summed = rank > 2 ? builder.op('ReduceSum', [product, builder.integers(stack)], { keepdims: 0 }) : product
    return builder.op('Reshape', [summed, builder.op('Shape', [target])])
  }
}

export const MATRIX_RULES: Readonly<Record<string, Rule>> = { Gemm: gemm, MatMul: matmul }
