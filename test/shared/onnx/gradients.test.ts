/** Every operator with a gradient, over generated shapes, against central differences. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DIFFERENTIABLE_OPERATORS } from '../../../shared/onnx/gradient/rules.ts'
import { expectGradientsToMatch, type ModelUnderTest } from './gradient-check.ts'

const RUNS = 12
const tested = new Set<string>()

type Dims = { readonly batch: number; readonly rows: number; readonly columns: number; readonly seed: number }
const dims = fc.record({
  batch: fc.integer({ min: 2, max: 4 }),
  rows: fc.integer({ min: 1, max: 4 }),
  columns: fc.integer({ min: 1, max: 4 }),
  seed: fc.integer({ min: 0, max: 1e6 }),
})

const OPSETS = [13, 15, 17, 21] as const

type Build = (under: ModelUnderTest, dims: Dims) => string

function gradientTest(operator: string, build: Build, opsets: readonly number[] = OPSETS): void {
  tested.add(operator)
  test(operator, async () => {
    await fc.assert(
      fc.asyncProperty(dims, async (shape) => {
        await expectGradientsToMatch({
          seed: shape.seed,
          batch: shape.batch,
          features: [shape.rows, shape.columns],
          opset: opsets[shape.seed % opsets.length]!,
          build: (under) => build(under, shape),
        })
      }),
      { numRuns: RUNS },
    )
  })
}

/** x·w of the shape [N, rows, columns], every element depending on a parameter of its own. */
const signed = ({ builder, parameter }: ModelUnderTest, { rows, columns }: Dims) =>
  builder.op('Add', [builder.op('Mul', ['x', parameter([rows, columns])]), parameter([columns])])
/** The same, well above zero. */
const positive = (under: ModelUnderTest, shape: Dims) =>
  under.builder.op('Add', [under.builder.op('Softplus', [signed(under, shape)]), under.builder.scalar(0.5)])
/** The same, kept away from zero, where the operator has a kink. */
const besideKink = (under: ModelUnderTest, shape: Dims) => {
  const { builder } = under
  const value = signed(under, shape)
  // Moved to ±3 by the sign of x, which no parameter changes.
  const side = builder.op('Where', [
    builder.op('Equal', [builder.op('Clip', ['x', builder.scalar(0)]), 'x']),
    builder.scalar(3),
    builder.scalar(-3),
  ])
  return builder.op('Add', [builder.op('Tanh', [value]), side])
}

describe('unary operators', () => {
  for (const operator of ['Neg', 'Exp', 'Sigmoid', 'Tanh', 'Softplus', 'Erf', 'Identity']) {
    gradientTest(operator, (under, shape) => under.builder.op(operator, [signed(under, shape)]))
  }
  for (const operator of ['Log', 'Sqrt', 'Reciprocal']) {
    gradientTest(operator, (under, shape) => under.builder.op(operator, [positive(under, shape)]))
  }
  for (const operator of ['Relu', 'Abs']) {
    gradientTest(operator, (under, shape) => under.builder.op(operator, [besideKink(under, shape)]))
  }
  for (const operator of ['LeakyRelu', 'Elu']) {
    gradientTest(operator, (under, shape) => {
      const scaled = under.builder.op('Mul', [besideKink(under, shape), under.builder.scalar(0.5)])
      return under.builder.op(operator, [scaled], { alpha: { float: 0.3 } })
    })
  }
  gradientTest('Gelu', (under, shape) => under.builder.op('Gelu', [signed(under, shape)]), [20, 22])
  gradientTest('Clip', (under, shape) => {
    const { builder } = under
    return builder.op('Clip', [besideKink(under, shape), builder.scalar(-1), builder.scalar(1e3)])
  })
  gradientTest('Pow', (under, shape) => under.builder.op('Pow', [positive(under, shape), under.builder.scalar(2.5)]))
  gradientTest('Dropout', (under, shape) => under.builder.op('Dropout', [signed(under, shape)]))
  gradientTest('Cast', (under, shape) => under.builder.op('Cast', [signed(under, shape)], { to: 1 }))
})

describe('broadcasting operators', () => {
  const shapesOf = ({ rows, columns }: Dims) => [[rows, columns], [columns], [rows, 1], [1, columns], [1, 1, 1], []]
  for (const operator of ['Add', 'Sub', 'Mul', 'Div']) {
    gradientTest(operator, (under, shape) => {
      const { builder, parameter } = under
      let value = signed(under, shape)
      for (const dims of shapesOf(shape)) {
        const operand = builder.op('Add', [builder.op('Softplus', [parameter(dims)]), builder.scalar(0.7)])
        const pair = shape.seed % 2 ? [operand, value] : [value, operand]
        if (operator === 'Div' && shape.seed % 2) pair[1] = builder.op('Exp', [builder.op('Tanh', [value])])
        value = builder.op('Tanh', [builder.op(operator, pair)])
      }
      return value
    })
  }
  gradientTest('Expand', ({ builder, parameter }, { rows, columns }) => {
    const wide = builder.op('Expand', [parameter([rows, 1]), builder.op('Shape', ['x'])])
    return builder.op('Mul', [wide, builder.op('Expand', [parameter([columns]), builder.op('Shape', ['x'])])])
  })
})

describe('matrix products', () => {
  const FLAGS = [0, 1, 2, 3].map((bits) => ({ transA: bits & 1, transB: bits >> 1 }))
  for (const { transA, transB } of FLAGS) {
    gradientTest('Gemm', ({ builder, parameter }, { rows, columns }) => {
      const flat = builder.op('Flatten', ['x'])
      const width = rows * columns
      const a = transA ? builder.op('Transpose', [flat]) : flat
      const b = parameter(transB ? [3, width] : [width, 3])
      const attributes = { transA, transB, alpha: { float: 0.5 }, beta: { float: 2 } }
      return builder.op('Gemm', [a, b, parameter(rows % 2 ? [3] : [1, 1])], attributes)
    })
  }
  gradientTest('MatMul', ({ builder, parameter }, { rows, columns }) => {
    const flat = builder.op('Flatten', ['x'])
    const two = builder.op('Tanh', [builder.op('MatMul', [flat, parameter([rows * columns, 3])])])
    const stack = builder.op('Tanh', [builder.op('MatMul', ['x', parameter([columns, 3])])])
    const fromLeft = builder.op('MatMul', [parameter([2, rows]), stack])
    const pairs = builder.op('MatMul', [
      builder.op('Unsqueeze', ['x', builder.integers([1])]),
      parameter([2, columns, 3]),
    ])
    const rowVector = builder.op('MatMul', [parameter([rows]), builder.op('Tanh', [pairs])])
    const columnVector = builder.op('MatMul', [pairs, parameter([3])])
    const flattened = [fromLeft, pairs, rowVector, columnVector].map((value) => builder.op('Flatten', [value]))
    return builder.op('Concat', [two, ...flattened], { axis: 1 })
  })
})

describe('shapes', () => {
  gradientTest('Reshape', (under, shape) => {
    const turned = under.builder.op('Reshape', [signed(under, shape), under.builder.integers([0, -1])])
    return under.builder.op('Gemm', [turned, under.parameter([shape.rows * shape.columns, 2])])
  })
  gradientTest('Flatten', (under, shape) => under.builder.op('Flatten', [signed(under, shape)], { axis: 1 }))
  gradientTest('Unsqueeze', (under, shape) =>
    under.builder.op('Mul', [
      under.builder.op('Unsqueeze', [signed(under, shape), under.builder.integers([1, -1])]),
      under.parameter([2, 1, 1, 2]),
    ]),
  )
  gradientTest('Squeeze', (under, shape) => {
    const wide = under.builder.op('Unsqueeze', [signed(under, shape), under.builder.integers([1])])
    return under.builder.op('Squeeze', [wide, under.builder.integers([1])])
  })
  gradientTest('Transpose', (under, shape) => {
    const { builder, parameter } = under
    const turned = builder.op('Transpose', [signed(under, shape)], { perm: [0, 2, 1] })
    const around = builder.op('Transpose', [builder.op('Mul', [turned, parameter([shape.columns, shape.rows])])])
    return builder.op('Transpose', [around], { perm: [2, 0, 1] })
  })
  gradientTest('Concat', (under, shape) => {
    const { builder, parameter } = under
    const other = builder.op('Mul', ['x', parameter([])])
    return builder.op('Concat', [signed(under, shape), other, 'x'], { axis: -1 })
  })
})

describe('reductions', () => {
  for (const operator of ['ReduceSum', 'ReduceMean']) {
    const byInput = operator === 'ReduceSum'
    gradientTest(
      operator,
      (under, shape) => {
        const { builder } = under
        const reduce = (value: string, axes: number[], keepdims: number) =>
          byInput
            ? builder.op(operator, [value, builder.integers(axes)], { keepdims })
            : builder.op(operator, [value], { axes, keepdims })
        const value = signed(under, shape)
        const whole = builder.op(operator, [value], { keepdims: 0 })
        const parts = [reduce(value, [1], 1), reduce(value, [2], 1), whole, reduce(value, [-1, 1], 1)]
        const last = builder.op('Unsqueeze', [reduce(value, [1, 2], 0), builder.integers([1, 2])])
        return parts.reduce((sum, part) => builder.op('Add', [sum, builder.op('Tanh', [part])]), last)
      },
      byInput ? OPSETS : [13, 17],
    )
  }
  gradientTest(
    'ReduceMean',
    (under, shape) => under.builder.op('ReduceMean', [signed(under, shape), under.builder.integers([2])]),
    [18, 22],
  )
  gradientTest('Softmax', (under, shape) =>
    under.builder.op('Mul', [under.builder.op('Softmax', [signed(under, shape)]), under.parameter([shape.columns])]),
  )
  gradientTest('LogSoftmax', (under, shape) => under.builder.op('LogSoftmax', [signed(under, shape)], { axis: 1 }))
})

test('every operator with a gradient is tested above', () => {
  expect([...tested].sort()).toEqual(DIFFERENTIABLE_OPERATORS)
})
