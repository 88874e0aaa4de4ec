/** The reverse pass: walks the forward nodes backwards and lets each rule add the nodes of its gradient. */
import { invariant } from '../../errors.ts'
import type { Graph } from '../model.ts'
import type { ShapeTable } from '../shapes.ts'
import type { GraphBuilder } from './graph-builder.ts'
import type { Reach } from './reach.ts'
import { ruleFor } from './rules.ts'

export type DifferentiationRequest = {
  readonly graph: Graph
  readonly builder: GraphBuilder
  readonly shapes: ShapeTable
  readonly reach: Reach
  /** The value differentiated, and the gradient of the loss by it. */
  readonly output: string
  readonly upstream: string
}

/** Returns, per value whose gradient was wanted, the name of its gradient. The reach must be free of problems. */
export function differentiate(request: DifferentiationRequest): ReadonlyMap<string, string> {
  const { graph, builder, shapes, reach } = request
  const gradients = new Map([[request.output, request.upstream]])
  for (const node of graph.nodes.toReversed()) {
    const upstream = gradients.get(node.outputs[0] ?? '')
    if (upstream === undefined) continue
    const rule = ruleFor(node.opType)
    invariant(rule, `reach found no problem at an operator without a rule, ${node.opType}`)
    const indices = rule.differentiable(node).filter((index) => reach.wanted.has(node.inputs[index] ?? ''))
    if (indices.length === 0) continue
    const produced = rule.backward({
      node,
      builder,
      upstream,
      shape: shapes.shape,
      constantIntegers: shapes.constantIntegers,
      input: (index) => node.inputs[index] ?? '',
      output: () => node.outputs[0] ?? '',
      wants: (index) => indices.includes(index),
    })
    for (const index of indices) {
      const name = node.inputs[index] ?? ''
      const gradient = produced[index]
      invariant(gradient, `rule of ${node.opType} left out the gradient of input ${index}`)
      const known = gradients.get(name)
      gradients.set(name, known ? builder.op('Add', [known, gradient]) : gradient)
    }
  }
  return gradients
}
