/**
 * Infers the shapes of a forward graph's values as far as the gradient rules need them: above all ranks. It never fails:
 * what it cannot tell is unknown, and the rules then compute shapes while running.
 */
import {
  attributeOf,
  type Dimension,
  type Graph,
  intAttribute,
  intsAttribute,
  type Node,
  type Tensor,
} from './model.ts'
import { readIntegersOf } from './tensor-data.ts'

export type Shape = readonly Dimension[]

export type ShapeTable = {
  readonly shape: (value: string) => Shape | undefined
  /** The integers of a value that is fixed in the model: an int initializer or a Constant node. */
  readonly constantIntegers: (value: string) => readonly number[] | undefined
}

/** Longest int list taken for axes or a shape. */
const MAX_CONSTANT_LENGTH = 64
const MAX_RANK = 16

/** Walks the nodes in order (ONNX requires them sorted) and infers each first output's shape. */
export function inferShapes(graph: Graph): ShapeTable {
  const shapes = new Map<string, Shape>()
  const constants = new Map<string, readonly number[]>()
  for (const { name, type } of graph.inputs) if (type?.shape) shapes.set(name, type.shape)
  for (const tensor of graph.initializers) {
    shapes.set(tensor.name, tensor.dims)
    const integers = constantIntegers(tensor)
    if (integers) constants.set(tensor.name, integers)
  }
  const table: ShapeTable = {
    shape: (value) => shapes.get(value),
    constantIntegers: (value) => constants.get(value),
  }
  for (const node of graph.nodes) {
    const output = node.outputs[0]
    if (output === undefined) continue
    const constant = node.opType === 'Constant' ? constantTensor(node) : undefined
    if (constant?.integers) constants.set(output, constant.integers)
    const shape = constant ? constant.dims : inferNode(node, table)
    // A hostile graph could double the rank with every node.
    if (shape && shape.length <= MAX_RANK) shapes.set(output, shape)
  }
  return table
}

const SAME_SHAPE = new Set(
  (
    'Neg Relu LeakyRelu Elu Sigmoid Tanh Softplus Softmax LogSoftmax Exp Log Sqrt Abs Reciprocal Erf Clip Identity Dropout ' +
    'Cast'
  ).split(' '),
)
const BROADCAST = new Set(['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Where', 'Equal'])

function inferNode(node: Node, table: ShapeTable): Shape | undefined {
  const input = (index: number) => table.shape(node.inputs[index] ?? '')
  const x = input(0)
  if (SAME_SHAPE.has(node.opType)) return x
  if (BROADCAST.has(node.opType)) return broadcast(node.inputs.map(table.shape))
  switch (node.opType) {
    case 'Gemm':
      return [x?.[intAttribute(node, 'transA', 0)] ?? null, input(1)?.[1 - intAttribute(node, 'transB', 0)] ?? null]
    case 'MatMul':
      return matmul(x, input(1))
    case 'Flatten':
      return flatten(x, intAttribute(node, 'axis', 1))
    case 'Reshape':
      return reshape(x, input(1), table.constantIntegers(node.inputs[1] ?? ''))
    case 'Shape':
      return [x?.length ?? null]
    case 'Gather': {
      const axis = intAttribute(node, 'axis', 0)
      const indices = input(1)
      return x && indices && axis >= 0 ? [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)] : undefined
    }
    case 'Unsqueeze':
      return unsqueeze(x, table.constantIntegers(node.inputs[1] ?? ''))
    case 'Squeeze': {
      const axes = node.inputs[1] ? table.constantIntegers(node.inputs[1]) : undefined
      return x && axes && x.filter((_, axis) => !axes.includes(axis) && !axes.includes(axis - x.length))
    }
    case 'Transpose': {
      const perm = intsAttribute(node, 'perm')
      return perm ? x && perm.map((axis) => x[axis] ?? null) : x?.toReversed()
    }
    case 'Concat':
      return concat(node.inputs.map(table.shape), intAttribute(node, 'axis', 0))
    case 'ReduceMean':
    case 'ReduceSum':
      return reduce(x, reducedAxes(node, table), intAttribute(node, 'keepdims', 1) === 1)
    default:
      return undefined
  }
}

/** Axes of a reduction, from its attribute (older opsets) or a constant input; [] means all, undefined unknown. */
export function reducedAxes(node: Node, table: Pick<ShapeTable, 'constantIntegers'>): readonly number[] | undefined {
  const attribute = intsAttribute(node, 'axes')
  if (attribute) return attribute
  return node.inputs[1] ? table.constantIntegers(node.inputs[1]) : []
}

function constantIntegers(tensor: Tensor): readonly number[] | undefined {
  const small = tensor.dims.length <= 1 && (tensor.dims[0] ?? 1) <= MAX_CONSTANT_LENGTH
  return small ? readIntegersOf(tensor) : undefined
}

function constantTensor(node: Node): { dims: Shape; integers: readonly number[] | undefined } | undefined {
  const value = attributeOf(node, 'value')
  if (value?.kind === 'tensor') return { dims: value.value.dims, integers: constantIntegers(value.value) }
  const int = attributeOf(node, 'value_int')
  if (int?.kind === 'int') return { dims: [], integers: [Number(int.value)] }
  const ints = intsAttribute(node, 'value_ints')
  if (ints) return { dims: [ints.length], integers: ints }
  const float = attributeOf(node, 'value_float')
  return float?.kind === 'float' ? { dims: [], integers: undefined } : undefined
}

/** NumPy broadcasting; a dimension that is unknown on both sides stays unknown. */
export function broadcast(shapes: readonly (Shape | undefined)[]): Shape | undefined {
  if (shapes.some((shape) => !shape)) return undefined
  const known = shapes as readonly Shape[]
  const rank = Math.max(0, ...known.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    const lengths = known.map((shape) => shape[axis - (rank - shape.length)]).filter((length) => length !== undefined)
    const decisive = lengths.find((length) => typeof length === 'number' && length !== 1)
    if (decisive !== undefined) return decisive
    const open = lengths.filter((length) => length !== 1)
    if (open.length === 0) return 1
    return open.every((length) => length === open[0]) ? open[0]! : null
  })
}

function matmul(a: Shape | undefined, b: Shape | undefined): Shape | undefined {
  if (!a || !b || a.length === 0 || b.length === 0) return undefined
  const rows = a.length > 1 ? [a.at(-2) ?? null] : []
  const columns = b.length > 1 ? [b.at(-1) ?? null] : []
  const batch = broadcast([a.slice(0, -2), b.slice(0, -2)])
  return batch && [...batch, ...rows, ...columns]
}

function product(dims: Shape): Dimension {
  if (dims.length === 1) return dims[0] ?? null
  return dims.every((dim) => typeof dim === 'number') ? dims.reduce((a, b) => a * b, 1) : null
}

function flatten(x: Shape | undefined, axis: number): Shape {
  if (!x) return [null, null]
  const split = axis < 0 ? axis + x.length : axis
  return [product(x.slice(0, split)), product(x.slice(split))]
}

function reshape(x: Shape | undefined, target: Shape | undefined, values: readonly number[] | undefined) {
  if (values) return values.map((value, axis) => (value > 0 ? value : value === 0 ? (x?.[axis] ?? null) : null))
  const rank = target?.[0]
  return typeof rank === 'number' && rank <= 8 ? Array.from({ length: rank }, () => null) : undefined
}

function unsqueeze(x: Shape | undefined, axes: readonly number[] | undefined): Shape | undefined {
  if (!x || !axes) return undefined
  const rank = x.length + axes.length
  const places = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)))
  const rest = x[Symbol.iterator]()
  return Array.from({ length: rank }, (_, axis) => (places.has(axis) ? 1 : (rest.next().value ?? null)))
}

function concat(shapes: readonly (Shape | undefined)[], axis: number): Shape | undefined {
  const first = shapes[0]
  if (!first || shapes.some((shape) => !shape)) return undefined
  const at = axis < 0 ? axis + first.length : axis
  const lengths = shapes.map((shape) => shape?.[at] ?? null)
  const total = lengths.every((length) => typeof length === 'number') ? lengths.reduce((a, b) => a + b, 0) : null
  return first.map((length, i) => (i === at ? total : length))
}

function reduce(x: Shape | undefined, axes: readonly number[] | undefined, keep: boolean): Shape | undefined {
  if (!x || !axes) return undefined
  const gone = (axis: number) => axes.length === 0 || axes.includes(axis) || axes.includes(axis - x.length)
  return keep ? x.map((length, axis) => (gone(axis) ? 1 : length)) : x.filter((_, axis) => !gone(axis))
}
