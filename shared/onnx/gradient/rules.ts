/** Every operator this release can train through, and those that may stand beside the path of the gradient. */
import { ELEMENTWISE_RULES } from './elementwise-rules.ts'
import { MATRIX_RULES } from './matrix-rules.ts'
import { REDUCTION_RULES } from './reduction-rules.ts'
import type { Rule } from './rule.ts'
import { SHAPE_RULES } from './shape-rules.ts'

const RULES: ReadonlyMap<string, Rule> = new Map(
  Object.entries({ ...ELEMENTWISE_RULES, ...MATRIX_RULES, ...SHAPE_RULES, ...REDUCTION_RULES }),
)

/** The rule of an operator of the default domain, or undefined when there is none. */
export function ruleFor(opType: string): Rule | undefined {
  return RULES.get(opType)
}

/** Operators with a gradient, sorted. */
export const DIFFERENTIABLE_OPERATORS: readonly string[] = [...RULES.keys()].sort()

/** Operators through which no gradient flows: their outputs are constants, shapes and comparisons. */
export const STOPPING_OPERATORS: ReadonlySet<string> = new Set([
  'Constant',
  'ConstantOfShape',
  'Equal',
  'Range',
  'Shape',
  'Size',
])

/** Operators allowed in a model, but only off the path of the gradient (shape arithmetic of exporters). */
export const BYSTANDING_OPERATORS: ReadonlySet<string> = new Set(['ArgMax', 'Gather', 'Slice', 'Where'])
