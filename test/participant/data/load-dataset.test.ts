/** A site's data from files: what good files become, and the message for every kind of bad one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Dataset } from '../../../participant/data/dataset.ts'
import { loadDataset } from '../../../participant/data/load-dataset.ts'
import { writeNpy } from '../../../participant/data/npy.ts'
import { type DataSpec, dataSpec, featureShape } from '../../../shared/plan/data-spec.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blindsum-data-'))
})
afterAll(() => rm(folder, { recursive: true }))

const table: DataSpec = dataSpec.parse({
  kind: 'tabular',
  features: [
    { name: 'age', kind: 'number', mean: 50, scale: 10, missing: 50 },
    { name: 'ward', kind: 'category', values: ['a', 'b', 'c'], missing: 'c' },
    { name: 'pulse', kind: 'number', mean: 60, scale: 20 },
  ],
  label: { name: 'outcome', kind: 'class', values: ['no', 'yes'] },
})
const pictures: DataSpec = dataSpec.parse({ kind: 'arrays', shape: [2, 2], classes: 3, scale: 0.5 })

async function fromCsv(text: string, spec = table): Promise<Dataset> {
  const path = join(folder, 'site.csv')
  await writeFile(path, text)
  return loadDataset({ format: 'csv', path, holdOut: 0, seed: 1 }, spec)
}

type Arrays = { x: Float32Array; shape: number[]; y: BigInt64Array | Float32Array | Uint8Array; spec?: DataSpec }

async function fromNpy({ x, shape, y, spec = pictures }: Arrays): Promise<Dataset> {
  const [features, labels] = [join(folder, 'x.npy'), join(folder, 'y.npy')]
  await writeFile(features, writeNpy({ shape, data: x }))
  await writeFile(labels, writeNpy({ shape: [y.length], data: y }))
  return loadDataset({ format: 'npy', features, labels, holdOut: 0, seed: 1 }, spec)
}

describe('a table', () => {
  test('becomes standardised numbers, one-hot categories and class numbers', async () => {
    const text = 'outcome,note,pulse,ward,age\nyes,x,80,b,60\nno,,40, a ,\nno,"long, note",60,,45.5\n'
    const data = await fromCsv(text)
    expect(data.count).toBe(3)
    expect(data.featureShape).toEqual(featureShape(table))
    // age, ward a, b, c, pulse
    expect([...data.features]).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 0, -1, Math.fround(-0.45), 0, 0, 1, 0])
    expect(data.labels).toEqual(new BigInt64Array([1n, 0n, 0n]))
  })

  test('may have a number as its label', async () => {
    const spec = dataSpec.parse({ ...table, label: { name: 'outcome', kind: 'number' } })
    const data = await fromCsv('outcome,pulse,ward,age\n-1.5e1,60,a,50\n', spec)
    expect(data.labels).toEqual(new Float32Array([-15]))
  })

  const header = 'age,ward,pulse,outcome\n'
  test.each([
    ['an empty file', '', 'dataset_empty', /site\.csv: the file is empty; expected a header row/],
    ['a header alone', header, 'dataset_empty', /no row below/],
    [
      'a missing column',
      'age,ward,outcome\n',
      'dataset_malformed',
      /column "pulse" of the plan is missing; the header has "age"/,
    ],
    ['a column twice', 'age,age,ward,pulse,outcome\n', 'dataset_malformed', /column "age" appears 2 times/],
    ['a ragged row', `${header}50,a,60,no\n50,a,60\n`, 'dataset_malformed', /line 3: 3 cells where the header has 4/],
    [
      'an unknown category',
      `${header}50,z,60,no\n`,
      'dataset_malformed',
      /line 2, column "ward": "z" is none of the plan's values "a", "b", "c"/,
    ],
    [
      'an unknown class',
      `${header}50,a,60,maybe\n`,
      'dataset_malformed',
      /column "outcome": "maybe" is none of the plan's classes/,
    ],
    ['an empty cell', `${header}50,a,,no\n`, 'dataset_malformed', /line 2, column "pulse": the cell is empty/],
    [
      'text for a number',
      `${header}50,a,60;5,no\n`,
      'dataset_malformed',
      /column "pulse": expected a finite number.*found "60;5"/,
    ],
    ['infinity', `${header}Infinity,a,60,no\n`, 'dataset_malformed', /column "age": expected a finite number/],
    [
      'a number beyond float32',
      `${header}1e39,a,60,no\n`,
      'dataset_malformed',
      /column "age": expected a finite number/,
    ],
  ])('%s is refused', async (_, text, code, message) => {
    await expect(fromCsv(text)).rejects.toThrow(expect.objectContaining({ code }))
    await expect(fromCsv(text)).rejects.toThrow(message)
  })

  test('reports many problems together, and stops at twenty', async () => {
    const error = await fromCsv(`${header}${'x,z,60,no\n'.repeat(50)}`).catch((error) => error)
    expect(error.problems.length).toBeLessThanOrEqual(22)
    expect(error.problems.at(-1)).toMatch(/more problems may follow/)
  })
})

describe('arrays', () => {
  test('become scaled floats and class numbers', async () => {
    const data = await fromNpy({ x: Float32Array.of(2, 4, 6, 8), shape: [1, 2, 2], y: Uint8Array.of(2) })
    expect(data).toMatchObject({ count: 1, featureShape: [2, 2] })
    expect([...data.features]).toEqual([1, 2, 3, 4])
    expect(data.labels).toEqual(new BigInt64Array([2n]))
  })

  const x = new Float32Array(8)
  const y = new BigInt64Array(2)
  test.each<[string, Arrays, string, RegExp]>([
    [
      'another shape',
      { x, shape: [2, 4], y },
      'dataset_shape_mismatch',
      /expects shape \(examples, 2, 2\), found \(2, 4\)/,
    ],
    [
      'labels of another count',
      { x, shape: [2, 2, 2], y: new BigInt64Array(3) },
      'dataset_shape_mismatch',
      /expected shape \(2,\)/,
    ],
    [
      'no example',
      { x: new Float32Array(0), shape: [0, 2, 2], y: new BigInt64Array(0) },
      'dataset_empty',
      /no example/,
    ],
    ['NaN', { x: x.with(5, Number.NaN), shape: [2, 2, 2], y }, 'dataset_malformed', /example 1, value 1 is NaN/],
    [
      'a label beyond the classes',
      { x, shape: [2, 2, 2], y: y.with(1, 3n) },
      'dataset_malformed',
      /label 3 of example 1; expected a whole number from 0 to 2/,
    ],
    ['a negative label', { x, shape: [2, 2, 2], y: y.with(0, -1n) }, 'dataset_malformed', /label -1 of example 0/],
    ['half a label', { x, shape: [2, 2, 2], y: Float32Array.of(0, 0.5) }, 'dataset_malformed', /label 0.5/],
  ])('%s is refused', async (_, arrays, code, message) => {
    await expect(fromNpy(arrays)).rejects.toThrow(expect.objectContaining({ code }))
    await expect(fromNpy(arrays)).rejects.toThrow(message)
  })

  test('may have numbers as labels, finite ones', async () => {
    const spec = dataSpec.parse({ kind: 'arrays', shape: [2, 2] })
    const good = await fromNpy({ x, shape: [2, 2, 2], y: Float32Array.of(0.5, -1), spec })
    expect(good.labels).toEqual(Float32Array.of(0.5, -1))
    const bad = fromNpy({ x, shape: [2, 2, 2], y: Float32Array.of(0.5, Number.NaN), spec })
    await expect(bad).rejects.toThrow(/label of example 1 is not a finite number/)
  })
})

describe('files', () => {
  const load = (path: string, change: object = {}, spec = table) =>
    loadDataset({ format: 'csv', path, holdOut: 0, seed: 1, ...change }, spec)

  test('that are missing, no files, too large or of the other format are refused', async () => {
    const path = join(folder, 'there.csv')
    await writeFile(path, 'x'.repeat(100))
    await expect(load(join(folder, 'gone.csv'))).rejects.toThrow(
      /gone\.csv: there is no such file; check the data path/,
    )
    await expect(load(folder)).rejects.toThrow(/expected a file/)
    await expect(load(path, { maxFileBytes: 99 })).rejects.toThrow(/has 100 bytes, the site's limit is 99/)
    await expect(load(path, {}, pictures)).rejects.toThrow(/the site's data is csv, but the plan describes arrays/)
    const npy = { format: 'npy', features: path, labels: path, holdOut: 0, seed: 1 } as const
    await expect(loadDataset(npy, table)).rejects.toThrow(/the site's data is npy, but the plan describes a table/)
  })
})

describe('the split', () => {
  const rows = Array.from({ length: 50 }, (_, i) => `${i},a,60,no\n`).join('')

  test('holds out its part, every example once, the same for the same seed', async () => {
    const path = join(folder, 'fifty.csv')
    await writeFile(path, `age,ward,pulse,outcome\n${rows}`)
    const load = (holdOut: number, seed: number) => loadDataset({ format: 'csv', path, holdOut, seed }, table)
    const [first, again, other] = [await load(0.2, 1), await load(0.2, 1), await load(0.2, 2)]
    expect([first.evalIndices.length, first.trainIndices.length]).toEqual([10, 40])
    const all = new Set([...first.evalIndices, ...first.trainIndices])
    expect(all.size).toBe(50)
    expect(again.evalIndices).toEqual(first.evalIndices)
    expect(other.evalIndices).not.toEqual(first.evalIndices)
    await expect(load(1, 1)).rejects.toThrow(/holdOut must be at least 0 and below 1/)
  })
})

describe('the data section of a plan', () => {
  test.each([
    ['a column named twice', { ...table, label: { name: 'age', kind: 'number' } }],
    ['a scale of zero', { ...table, features: [{ name: 'a', kind: 'number', mean: 0, scale: 0 }] }],
    [
      'a missing category that is none',
      { ...table, features: [{ name: 'a', kind: 'category', values: ['x'], missing: 'y' }] },
    ],
    ['a category twice', { ...table, features: [{ name: 'a', kind: 'category', values: ['x', 'x'] }] }],
    ['an unknown key', { ...pictures, colour: true }],
    ['a single class', { ...pictures, classes: 1 }],
    ['an empty shape', { ...pictures, shape: [] }],
  ])('with %s is refused', (_, spec) => {
    expect(dataSpec.safeParse(spec).success).toBe(false)
  })
})
