/** Gradients of operators that move elements without changing them: the gradient moves back. */
import { attributeOf, intAttribute, intsAttribute, type Node } from '../model.ts'
import { EVERY_INPUT, FIRST_INPUT, type Rule, type RuleContext } from './rule.ts'

/** Whatever the operator did to the shape, the input's own shape undoes it. */
const reshapedBack: Rule = {
  differentiable: FIRST_INPUT,
  backward: ({ builder, input, upstream }) => [builder.op('Reshape', [upstream, builder.op('Shape', [input(0)])])],
}

const passedThrough: Rule = { differentiable: FIRST_INPUT, backward: ({ upstream }) => [upstream] }

const transpose: Rule = {
  differentiable: FIRST_INPUT,
  backward: ({ node, builder, upstream }) => {
    const perm = intsAttribute(node, 'perm')
    if (!perm) return [builder.op('Transpose', [upstream])]
    const inverse = perm.map((_, axis) => perm.indexOf(axis))
    return [builder.op('Transpose', [upstream], { perm: inverse })]
  },
}

const concat: Rule = {
  differentiable: EVERY_INPUT,
  backward: ({ node, builder, input, upstream }) => {
    const axis = intAttribute(node, 'axis', 0)
    if (node.inputs.length === 1) return [upstream]
    const lengths = node.inputs.map((_, i) =>
      builder.op('Gather', [builder.op('Shape', [input(i)]), builder.integers([axis])]),
    )
    const outputs = node.inputs.map(() => builder.fresh())
    builder.add({
      name: outputs[0]!,
      opType: 'Split',
      domain: '',
      inputs: [upstream, builder.op('Concat', lengths, { axis: 0 })],
      outputs,
      attributes: [{ name: 'axis', content: { kind: 'int', value: BigInt(axis) }, unknown: [] }],
      unknown: [],
    })
    return outputs
  },
}

const dropout: Rule = {
  ...passedThrough,
  refuse: (node) =>
    node.inputs[2]
      ? 'dropout in training mode is not reproducible here; export the model in inference mode'
      : undefined,
}

const cast: Rule = {
  // Integers carry no gradient; a cast to float32 of a float32 value is the identity.
  differentiable: (node) => (castTarget(node) === 1 ? [0] : []),
  backward: (context: RuleContext) => [context.upstream],
}

function castTarget(node: Node): number | undefined {
  const to = attributeOf(node, 'to')
  return to?.kind === 'int' ? Number(to.value) : undefined
}

export const SHAPE_RULES: Readonly<Record<string, Rule>> = {
  Reshape: reshapedBack,
  Flatten: reshapedBack,
  Squeeze: reshapedBack,
  Unsqueeze: reshapedBack,
  Identity: passedThrough,
  Transpose: transpose,
  Concat: concat,
  Dropout: dropout,
  Cast: cast,
}
