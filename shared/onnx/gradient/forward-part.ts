/**
 * Takes a user's forward model apart for training: finds its one input and output, goes behind a final activation that
 * the loss contains already, drops nodes nobody needs, and renames every value so that ours cannot collide with theirs.
 */
import { ConfigError } from '../../errors.ts'
import { DATA_TYPE, type Graph, intAttribute, type Model, type Node, type ValueInfo } from '../model.ts'
import { inferShapes, type ShapeTable } from '../shapes.ts'
import type { Loss } from './losses.ts'
import { type Reach, reachParameters } from './reach.ts'

export type ForwardPart = {
  /** The forward nodes and initializers, renamed: input `x`, parameters `param.<name>`, all else `f/<name>`. */
  readonly graph: Graph
  /** The value the loss is computed from: logits, or a regression's prediction. */
  readonly output: string
  readonly shapes: ShapeTable
  readonly reach: Reach
}

export const PARAMETER_PREFIX = 'param.'

/**
 * Prepares `model` for a loss.
 *
 * @throws ConfigError `model_not_trainable` with every reason found.
 */
export function forwardPart(model: Model, loss: Loss, frozen: readonly string[]): ForwardPart {
  const problems: string[] = []
  const input = dataInput(model.graph, problems)
  const result = model.graph.outputs[0]
  if (model.graph.outputs.length !== 1) {
    problems.push(`the model has ${model.graph.outputs.length} outputs; export it with exactly one`)
  }
  if (!input || !result) throw new ConfigError('model_not_trainable', problems)
  const logits = behindFinalActivation(model.graph, result.name, loss)
  const { parameters, problems: obstacles } = reachParameters(model.graph, logits, frozen)
  problems.push(...obstacles)
  const unknown = frozen.filter((name) => !model.graph.initializers.some((tensor) => tensor.name === name))
  for (const name of unknown) problems.push(`frozen parameter "${name}" is not an initializer of the model`)
  if (parameters.length === 0) problems.push('nothing to train: the gradient reaches no float32 initializer')
  if (problems.length > 0) throw new ConfigError('model_not_trainable', problems)

  const trained = new Set(parameters)
  const rename = (name: string) =>
    name === '' ? '' : name === input.name ? 'x' : trained.has(name) ? `${PARAMETER_PREFIX}${name}` : `f/${name}`
  const graph = renamed(neededFor(model.graph, logits), input, rename)
  const output = rename(logits)
  const shapes = inferShapes(graph)
  const reach = reachParameters(
    graph,
    output,
    graph.initializers.map(({ name }) => name).filter((name) => !name.startsWith(PARAMETER_PREFIX)),
  )
  return { graph, output, shapes, reach }
}

/** The one graph input that is not an initializer's default. */
function dataInput(graph: Graph, problems: string[]): ValueInfo | undefined {
  const initialized = new Set(graph.initializers.map(({ name }) => name))
  const inputs = graph.inputs.filter(({ name }) => !initialized.has(name))
  const [input] = inputs
  if (!input || inputs.length > 1) {
    problems.push(`the model has ${inputs.length} inputs (${inputs.map(({ name }) => name).join(', ')}); expected one`)
    return undefined
  }
  const shape = input.type?.shape
  if (input.type?.elementType !== DATA_TYPE.float) problems.push(`input "${input.name}" must be float32`)
  if (!shape || shape.length === 0) problems.push(`input "${input.name}" must declare its shape, batch first`)
  else if (typeof shape[0] === 'number') {
    problems.push(
      `input "${input.name}" has the fixed batch size ${shape[0]}; export it with a dynamic first dimension`,
    )
  }
  return input
}

const FINAL_ACTIVATIONS: Readonly<Record<Loss, readonly string[]>> = {
  'softmax-cross-entropy': ['Softmax', 'LogSoftmax'],
  'binary-cross-entropy': ['Sigmoid'],
  'mean-squared-error': [],
}

/** The value before a final Softmax or Sigmoid that the loss has inside; the output itself otherwise. */
function behindFinalActivation(graph: Graph, output: string, loss: Loss): string {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  let at = output
  for (let node = producers.get(at); node?.opType === 'Identity'; node = producers.get(at)) at = node.inputs[0] ?? ''
  const last = producers.get(at)
  if (!last || !FINAL_ACTIVATIONS[loss].includes(last.opType)) return output
  const axis = intAttribute(last, 'axis', -1)
  return last.opType === 'Sigmoid' || axis === -1 || axis === 1 ? (last.inputs[0] ?? output) : output
}

function neededFor(graph: Graph, output: string): Graph {
  const needed = new Set([output])
  const nodes: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue
    for (const name of node.inputs) needed.add(name)
    nodes.unshift(node)
  }
  return { ...graph, nodes, initializers: graph.initializers.filter(({ name }) => needed.has(name)) }
}

function renamed(graph: Graph, input: ValueInfo, rename: (name: string) => string): Graph {
  const batch = ['N', ...(input.type?.shape?.slice(1) ?? [])]
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      name: `f/${node.name}`,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
    initializers: graph.initializers.map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
    inputs: [{ name: 'x', type: { elementType: DATA_TYPE.float, shape: batch }, encoded: undefined }],
    outputs: [],
    valueInfos: [],
  }
}
