/**
 * What a gradient rule is: given the gradient of the loss by a node's output, it adds the nodes that compute the
 * gradients by the node's inputs (a vector-Jacobian product), valid for opset 13 and later.
 */
import type { Node } from '../model.ts'
import type { Shape } from '../shapes.ts'
import type { GraphBuilder } from './graph-builder.ts'

export type RuleContext = {
  readonly node: Node
  readonly builder: GraphBuilder
  /** Name of the node's i-th input or output value. */
  readonly input: (index: number) => string
  readonly output: () => string
  /** Gradient of the loss by the first output. */
  readonly upstream: string
  /** True when somebody needs the gradient by input `index`; a rule may skip the others. */
  readonly wants: (index: number) => boolean
  /** Shape of a value as far as it is known before running; undefined when not even the rank is. */
  readonly shape: (value: string) => Shape | undefined
  /** The value's integers when they are fixed in the model (axes, shapes). */
  readonly constantIntegers: (value: string) => readonly number[] | undefined
}

export type Rule = {
  /** Which inputs can carry a gradient. */
  readonly differentiable: (node: Node) => readonly number[]
  /** Why this node cannot be differentiated although its operator can, or undefined. */
  readonly refuse?: (node: Node) => string | undefined
  /** Gradients by input index; undefined where not wanted. */
  readonly backward: (context: RuleContext) => readonly (string | undefined)[]
}

export const FIRST_INPUT = (): readonly number[] => [0]
export const FIRST_TWO_INPUTS = (): readonly number[] => [0, 1]
export const EVERY_INPUT = (node: Node): readonly number[] => node.inputs.map((_, index) => index)
