/**
 * Finds what the gradient reaches: forward from the candidate parameters, then back from the output. Also where it gets
 * stuck, in words, so that a model is refused before anything runs.
 */
import { DATA_TYPE, type Graph, type Node } from '../model.ts'
import { ruleFor, STOPPING_OPERATORS } from './rules.ts'

export type Reach = {
  /** Names of the float32 initializers, not frozen, that the output's gradient reaches; sorted. */
  readonly parameters: readonly string[]
  /** Values whose gradient is needed on the way. */
  readonly wanted: ReadonlySet<string>
  readonly problems: readonly string[]
}

/** Follows the gradient of `output` through `graph`. */
export function reachParameters(graph: Graph, output: string, frozen: readonly string[]): Reach {
  const held = new Set(frozen)
  const candidates = graph.initializers
    .filter(({ name, dataType }) => dataType === DATA_TYPE.float && !held.has(name))
    .map(({ name }) => name)
  const active = activeValues(graph, candidates)
  const wanted = new Set(active.has(output) ? [output] : [])
  const problems: string[] = []
  for (const node of graph.nodes.toReversed()) {
    const produced = node.outputs.findIndex((name) => wanted.has(name))
    if (produced < 0) continue
    const problem = obstacle(node, produced)
    if (problem) problems.push(problem)
    for (const input of differentiableInputs(node)) if (active.has(input)) wanted.add(input)
  }
  const parameters = candidates.filter((name) => wanted.has(name)).sort()
  return { parameters, wanted, problems: problems.reverse() }
}

/** Values that depend on a candidate through operators that pass gradients (or might, were there a rule). */
function activeValues(graph: Graph, candidates: readonly string[]): ReadonlySet<string> {
  const active = new Set(candidates)
  for (const node of graph.nodes) {
    if (differentiableInputs(node).some((input) => active.has(input))) {
      for (const output of node.outputs) if (output) active.add(output)
    }
  }
  return active
}

function differentiableInputs(node: Node): readonly string[] {
  const rule = ruleOf(node)
  if (rule) return rule.differentiable(node).map((index) => node.inputs[index] ?? '')
  return isDefaultDomain(node) && STOPPING_OPERATORS.has(node.opType) ? [] : node.inputs
}

function obstacle(node: Node, produced: number): string | undefined {
  const rule = ruleOf(node)
  if (!rule) return `no gradient for Op ${node.opType} at node "${nodeLabel(node)}"`
  const reason = produced > 0 ? `its output ${produced} has none` : rule.refuse?.(node)
  return reason && `no gradient for Op ${node.opType} at node "${nodeLabel(node)}": ${reason}`
}

function ruleOf(node: Node) {
  return isDefaultDomain(node) ? ruleFor(node.opType) : undefined
}

export function isDefaultDomain(node: Node): boolean {
  return node.domain === '' || node.domain === 'ai.onnx'
}

/** The node's name, or that of its first output where exporters leave names out. */
export function nodeLabel(node: Node): string {
  return node.name || node.outputs[0] || '(unnamed)'
}
