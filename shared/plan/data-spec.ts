/**
 * The plan's description of the data every site must bring: which columns in which order, how each becomes numbers, and
 * what the label is. It is the same for all sites, so the standardisation constants stand here and are never computed
 * from one site's data.
 */
import { z } from 'zod'

/** What a data set may be called, in a plan and at a site. */
export const DATA_SET_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/
const DEFAULT_DATA_SET = 'default'
/** Which of a site's data sets: the name that every site gives to its own. Default "default". */
const set = z.string().regex(DATA_SET_NAME, 'lower-case letters, digits and hyphens, at most 63').optional()

const finite = z.number().refine(Number.isFinite, 'must be a finite number')
const columnName = z.string().min(1).max(200)
const categories = z
  .array(z.string().max(200))
  .min(1)
  .max(10_000)
  .refine((values) => new Set(values).size === values.length, 'must not repeat a value')

/** A numeric column: becomes (value − mean) / scale, one feature. */
const numberFeature = z.strictObject({
  name: columnName,
  kind: z.literal('number'),
  /** In the column's own unit. */
  mean: finite,
  /** In the column's own unit, above zero; usually the standard deviation. */
  scale: finite.positive(),
  /** Value put in for an empty cell, in the column's own unit; without it an empty cell is an error. */
  missing: finite.optional(),
})

/** A categorical column: becomes one feature per value, 1 for the value found and 0 for the others. */
const categoryFeature = z
  .strictObject({
    name: columnName,
    kind: z.literal('category'),
    values: categories,
    /** Value an empty cell stands for; without it an empty cell is an error. */
    missing: z.string().optional(),
  })
  .refine(({ values, missing }) => missing === undefined || values.includes(missing), {
    message: 'missing must be one of values',
    path: ['missing'],
  })

/** The column to predict: a class by name (numbered in the order of `values`) or a number as it stands. */
const label = z.discriminatedUnion('kind', [
  z.strictObject({ name: columnName, kind: z.literal('class'), values: categories.min(2) }),
  z.strictObject({ name: columnName, kind: z.literal('number') }),
])

/** Tables with a header row, one example per row. */
const tabular = z
  .strictObject({
    kind: z.literal('tabular'),
    set,
    /** In the order of the model's input. */
    features: z
      .array(z.discriminatedUnion('kind', [numberFeature, categoryFeature]))
      .min(1)
      .max(100_000),
    label,
  })
  .superRefine(({ features, label }, context) => {
    const seen = new Set([label.name])
    for (const [i, { name }] of features.entries()) {
      if (seen.has(name)) {
        context.addIssue({ code: 'custom', message: `column "${name}" is named twice`, path: ['features', i, 'name'] })
      }
      seen.add(name)
    }
  })

/** Arrays with one example per entry of the first axis. */
const arrays = z.strictObject({
  kind: z.literal('arrays'),
  set,
  /** Shape of one example, e.g. [784]. */
  shape: z.array(z.int().min(1).max(1_000_000)).min(1).max(7),
  /** Number of classes; labels are then integers from 0 to classes − 1. Left out, labels are numbers. */
  classes: z.int().min(2).max(1_000_000).optional(),
  /** Every value is multiplied by it, e.g. 1/255 for bytes; default 1. */
  scale: finite.optional(),
})

/** Schema of a plan's `data` section. */
export const dataSpec = z.discriminatedUnion('kind', [tabular, arrays])

export type DataSpec = z.infer<typeof dataSpec>
export type TabularSpec = z.infer<typeof tabular>
export type ArraysSpec = z.infer<typeof arrays>
export type FeatureSpec = TabularSpec['features'][number]

/** The name of the data set that a plan uses at every site. */
export function dataSetName({ set }: DataSpec): string {
  return set ?? DEFAULT_DATA_SET
}

/** Shape of one example as the model sees it: the number of features after one-hot encoding, or the arrays' shape. */
export function featureShape(spec: DataSpec): readonly number[] {
  if (spec.kind === 'arrays') return spec.shape
  return [spec.features.reduce((width, feature) => width + featureWidth(feature), 0)]
}

/** Features a column becomes. */
export function featureWidth(feature: FeatureSpec): number {
  return feature.kind === 'category' ? feature.values.length : 1
}

/** Number of classes, or undefined when labels are numbers. */
export function classCount(spec: DataSpec): number | undefined {
  if (spec.kind === 'arrays') return spec.classes
  return spec.label.kind === 'class' ? spec.label.values.length : undefined
}
