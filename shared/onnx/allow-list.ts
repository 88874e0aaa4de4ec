/**
 * What a model from outside may contain before any runtime sees it: known operators of the default domain, no subgraphs,
 * no functions, no data in other files, sizes within limits. Loops could never end, and files could be anyone's.
 */
import { elementBytes, elementCount } from './decode-tensor.ts'
import { isDefaultDomain, nodeLabel } from './gradient/reach.ts'
import { BYSTANDING_OPERATORS, DIFFERENTIABLE_OPERATORS, STOPPING_OPERATORS } from './gradient/rules.ts'
import { DATA_TYPE, type Graph, type Model, type Node, type Tensor } from './model.ts'

export type ModelLimits = {
  readonly maxNodes: number
  /** Elements of all float32 initializers together. */
  readonly maxParameters: number
  /** Bytes of all initializers together. */
  readonly maxInitializerBytes: number
}

export const DEFAULT_MODEL_LIMITS: ModelLimits = {
  maxNodes: 5_000,
  maxParameters: 50_000_000,
  maxInitializerBytes: 256 * 1024 * 1024,
}

/** Opsets of the default domain whose operators the gradient rules are written for. */
export const OPSET_RANGE = { oldest: 13, newest: 22 } as const
/** IR versions from initializers that need not be inputs (4) to the newest the runtime reads. */
const IR_VERSION_RANGE = { oldest: 4, newest: 12 } as const

/** Operators a model may use, sorted. */
export const ALLOWED_OPERATORS: readonly string[] = [
  ...DIFFERENTIABLE_OPERATORS,
  ...STOPPING_OPERATORS,
  ...BYSTANDING_OPERATORS,
].sort()

const ALLOWED = new Set(ALLOWED_OPERATORS)
const CASTABLE: readonly number[] = [DATA_TYPE.float, DATA_TYPE.int32, DATA_TYPE.int64, DATA_TYPE.bool]

/** Every reason to refuse `model`, each a sentence a person can act on; empty when it may run. */
export function refuseModel(model: Model, limits: ModelLimits = DEFAULT_MODEL_LIMITS): string[] {
  return [
    ...refuseHeader(model),
    ...refuseNames(model.graph),
    ...model.graph.nodes.flatMap(refuseNode),
    ...model.graph.initializers.flatMap((tensor) => refuseTensor(tensor, 'initializer')),
    ...refuseSizes(model.graph, limits),
  ]
}

function refuseHeader({ irVersion, opsets, functionCount, graph }: Model): string[] {
  const problems: string[] = []
  const { oldest, newest } = OPSET_RANGE
  const defaults = opsets.filter(({ domain }) => domain === '' || domain === 'ai.onnx')
  const version = defaults[0]?.version
  if (defaults.length !== 1 || version === undefined)
    problems.push('the model must import the default operator set once')
  else if (version < oldest || version > newest) {
    problems.push(`operator set ${version} is refused; export the model with opset ${oldest} to ${newest}`)
  }
  if (irVersion < IR_VERSION_RANGE.oldest || irVersion > IR_VERSION_RANGE.newest) {
    problems.push(
      `IR version ${irVersion} is refused; expected ${IR_VERSION_RANGE.oldest} to ${IR_VERSION_RANGE.newest}`,
    )
  }
  if (functionCount > 0) problems.push('model-local functions are refused; export the model with functions inlined')
  if (graph.sparseInitializerCount > 0) problems.push('sparse initializers are refused; export dense ones')
  return problems
}

/** Each value is made once, and each node's inputs are made before it: what the gradient's walk relies on. */
function refuseNames(graph: Graph): string[] {
  const problems: string[] = []
  const initialized = new Set<string>()
  for (const { name } of graph.initializers) {
    if (name === '') problems.push('an initializer has no name')
    if (initialized.has(name)) problems.push(`initializer "${name}" appears twice`)
    initialized.add(name)
  }
  const inputs = graph.inputs.map(({ name }) => name)
  const known = new Set([...initialized, ...inputs])
  if (new Set(inputs).size !== inputs.length) problems.push('two graph inputs have the same name')
  for (const node of graph.nodes) {
    for (const name of node.inputs) {
      if (name && !known.has(name)) problems.push(`node "${nodeLabel(node)}" reads "${name}" before it is made`)
    }
    for (const name of node.outputs) {
      if (name && known.has(name)) problems.push(`value "${name}" is made twice`)
      if (name) known.add(name)
    }
  }
  for (const { name } of graph.outputs) if (!known.has(name)) problems.push(`output "${name}" is made by no node`)
  return problems
}

function refuseNode(node: Node): string[] {
  const label = nodeLabel(node)
  if (!isDefaultDomain(node)) return [`Op ${node.opType} of domain "${node.domain}" at node "${label}" is refused`]
  if (!ALLOWED.has(node.opType)) return [`no gradient for Op ${node.opType} at node "${label}"`]
  return node.attributes.flatMap(({ name, content }) => {
    if (content.kind === 'other') return [`attribute "${name}" of node "${label}" holds a subgraph or an unknown value`]
    if (content.kind === 'tensor') return refuseTensor(content.value, `attribute "${name}" of node "${label}":`)
    if (
      node.opType === 'Cast' &&
      name === 'to' &&
      content.kind === 'int' &&
      !CASTABLE.includes(Number(content.value))
    ) {
      return [`Cast to data type ${content.value} at node "${label}" is refused; only float32, int and bool are in use`]
    }
    return []
  })
}

function refuseTensor(tensor: Tensor, where: string): string[] {
  const what = `${where} "${tensor.name}"`
  if (tensor.external) return [`external data at ${what} is refused; export the weights inside the file`]
  if (tensor.raw === undefined || elementBytes(tensor.dataType) === undefined) {
    return [`${what} has data type ${tensor.dataType}, which is not supported`]
  }
  return []
}

function refuseSizes(graph: Graph, limits: ModelLimits): string[] {
  const problems: string[] = []
  const floats = graph.initializers.filter(({ dataType, external }) => dataType === DATA_TYPE.float && !external)
  const parameters = floats.reduce((sum, { dims, name }) => sum + elementCount(dims, name), 0)
  const bytes = graph.initializers.reduce((sum, { raw }) => sum + (raw?.length ?? 0), 0)
  if (graph.nodes.length > limits.maxNodes) {
    problems.push(`the model has ${graph.nodes.length} nodes, at most ${limits.maxNodes} are allowed`)
  }
  if (parameters > limits.maxParameters) {
    problems.push(`the model has ${parameters} parameters, at most ${limits.maxParameters} are allowed`)
  }
  if (bytes > limits.maxInitializerBytes) {
    problems.push(`the weights take ${bytes} bytes, at most ${limits.maxInitializerBytes} are allowed`)
  }
  return problems
}
