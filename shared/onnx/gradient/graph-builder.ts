/**
 * Collects the nodes of a graph under construction. Every value made here is called `g/<number>`; the forward part's are
 * prefixed `f/` (see forward-part.ts), so that no name of the user's can collide with ours.
 */
import { type Attribute, type AttributeValue, DATA_TYPE, type Node, type Tensor } from '../model.ts'
import { floatTensor, int64Tensor } from '../tensor-data.ts'

/** A number is an int, a list is ints; floats and tensors say what they are. */
export type AttributeInput = number | readonly number[] | { readonly float: number } | { readonly tensor: Tensor }

export class GraphBuilder {
  readonly nodes: Node[] = []
  readonly initializers: Tensor[] = []
  readonly #constants = new Map<string, string>()
  #counter = 0

  /** Adds a node with one output and returns the output's name. */
  op(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeInput>> = {}): string {
    return this.opTo(this.fresh(), opType, inputs, attributes)
  }

  /** As {@link op}, with the output's name given. */
  opTo(
    output: string,
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeInput>> = {},
  ): string {
    const encoded = Object.entries(attributes).map(([name, value]) => attribute(name, value))
    this.add({ name: output, opType, domain: '', inputs, outputs: [output], attributes: encoded, unknown: [] })
    return output
  }

  add(node: Node): void {
    this.nodes.push(node)
  }

  fresh(): string {
    return `g/${this.#counter++}`
  }

  /** A float32 scalar constant, shared between equal values. */
  scalar(value: number): string {
    return this.#constant(`float:${value}`, (name) => floatTensor(name, [], [value]))
  }

  /** A one-dimensional float32 constant, shared between equal lists. */
  floats(values: readonly number[]): string {
    return this.#constant(`floats:${values}`, (name) => floatTensor(name, [values.length], values))
  }

  /** A one-dimensional int64 constant, shared between equal lists. */
  integers(values: readonly number[]): string {
    return this.#constant(`ints:${values}`, (name) => int64Tensor(name, [values.length], values))
  }

  /** An int64 scalar constant. */
  integer(value: number): string {
    return this.#constant(`int:${value}`, (name) => int64Tensor(name, [], [value]))
  }

  /** Casts to float32. */
  toFloat(value: string): string {
    return this.op('Cast', [value], { to: DATA_TYPE.float })
  }

  #constant(key: string, make: (name: string) => Tensor): string {
    const known = this.#constants.get(key)
    if (known) return known
    const name = this.fresh()
    this.initializers.push(make(name))
    this.#constants.set(key, name)
    return name
  }
}

function attribute(name: string, value: AttributeInput): Attribute {
  const content: AttributeValue =
    typeof value === 'number'
      ? { kind: 'int', value: BigInt(value) }
      : 'float' in value
        ? { kind: 'float', value: value.float }
        : 'tensor' in value
          ? { kind: 'tensor', value: value.tensor }
          : { kind: 'ints', value: value.map(BigInt) }
  return { name, content, unknown: [] }
}
