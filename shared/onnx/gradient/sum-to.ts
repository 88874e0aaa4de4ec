/**
 * Undoes broadcasting: an operand that was repeated along an axis receives the sum of the gradients along it. Where the
 * shapes are known before running this is one ReduceSum or nothing; otherwise the axes are computed in the graph.
 */
import type { Shape } from '../shapes.ts'
import { int64Tensor } from '../tensor-data.ts'
import type { RuleContext } from './rule.ts'

/** Sums `gradient`, which has the broadcast shape of `operands`, down to the shape of `target`, one of them. */
export function sumTo(context: RuleContext, gradient: string, target: string, operands: readonly string[]): string {
  const { builder } = context
  const shapes = operands.map(context.shape)
  const plan = planReduction(context.shape(target), shapes)
  if (plan === 'none') return gradient
  if (plan === 'dynamic') return sumToDynamic(context, gradient, target)
  let reduced = gradient
  if (plan.ones.length > 0) {
    reduced = builder.op('ReduceSum', [reduced, builder.integers(plan.ones)], { keepdims: 1 })
  }
  if (plan.leading > 0) {
    const axes = Array.from({ length: plan.leading }, (_, axis) => axis)
    reduced = builder.op('ReduceSum', [reduced, builder.integers(axes)], { keepdims: 0 })
  }
  return reduced
}

type Reduction = 'none' | 'dynamic' | { readonly leading: number; readonly ones: readonly number[] }

function planReduction(target: Shape | undefined, operands: readonly (Shape | undefined)[]): Reduction {
  if (!target || operands.some((shape) => !shape)) return 'dynamic'
  const known = operands as readonly Shape[]
  const rank = Math.max(...known.map((shape) => shape.length))
  const leading = rank - target.length
  const ones: number[] = []
  for (const [axis, length] of target.entries()) {
    const others = known.map((shape) => shape[axis + leading - (rank - shape.length)])
    // Absent, one, or the very same length on every side: nothing was repeated here.
    if (others.every((other) => other === undefined || other === 1 || (other !== null && other === length))) continue
    if (length === 1) ones.push(axis + leading)
    else if (typeof length !== 'number') return 'dynamic'
  }
  return leading === 0 && ones.length === 0 ? 'none' : { leading, ones }
}

/** Axes of the target, padded on the left to the gradient's rank, whose length is one; then the target's shape. */
function sumToDynamic({ builder }: RuleContext, gradient: string, target: string): string {
  const targetShape = builder.op('Shape', [target])
  const missing = builder.op('Sub', [rankOf(gradient), rankOf(target)])
  const padding = builder.op('ConstantOfShape', [missing], { value: { tensor: int64Tensor('', [1], [1]) } })
  const padded = builder.op('Concat', [padding, targetShape], { axis: 0 })
  const isOne = builder.op('Equal', [padded, builder.integer(1)])
  const axes = builder.op('Reshape', [builder.op('NonZero', [isOne]), builder.integers([-1])])
  const summed = builder.op('ReduceSum', [gradient, axes], { keepdims: 1, noop_with_empty_axes: 1 })
  return builder.op('Reshape', [summed, targetShape])

  function rankOf(value: string): string {
    return builder.op('Shape', [builder.op('Shape', [value])])
  }
}
