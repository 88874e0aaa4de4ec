/** The demo's digits: all of them, whole, split evenly at random and unevenly between sites, the same for a seed. */
import { describe, expect, test } from 'vitest'
import { dirichletSplit } from '../../demo/digits/dirichlet-split.ts'
import { loadDigits, PIXELS, pickDigits, splitDigits } from '../../demo/digits/load-digits.ts'

const digits = await loadDigits()

const histogram = (labels: Uint8Array) => {
  const counts = new Array<number>(10).fill(0)
  for (const label of labels) counts[label]!++
  return counts
}

describe('loadDigits', () => {
  test('finds 10,000 images with the counts of the package', () => {
    expect(digits.count).toBe(10_000)
    expect(digits.images.length).toBe(10_000 * PIXELS)
    expect(histogram(digits.labels)).toEqual([1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978])
    expect(Math.max(...digits.images.subarray(0, 100 * PIXELS))).toBe(255)
  })
})

describe('splitDigits', () => {
  test('gives 8,000 and 2,000, each image once, repeatably', () => {
    const { train, test } = splitDigits(digits, 1)
    expect([train.count, test.count]).toEqual([8000, 2000])
    const [a, b] = [histogram(train.labels), histogram(test.labels)]
    expect(a.map((count, digit) => count + b[digit]!)).toEqual(histogram(digits.labels))
    expect(splitDigits(digits, 1).test.labels).toEqual(test.labels)
    expect(splitDigits(digits, 2).test.labels).not.toEqual(test.labels)
  })
})

describe('dirichletSplit', () => {
  const split = (seed: number, alpha = 0.5) =>
    dirichletSplit({ labels: digits.labels, sites: 5, alpha, seed, minExamples: 300 })

  test('gives every example to one site, unevenly, and is repeatable', () => {
    const sites = split(1)
    const all = sites.flatMap((indices) => [...indices])
    expect(all.length).toBe(10_000)
    expect(new Set(all).size).toBe(10_000)
    for (const indices of sites) expect(indices.length).toBeGreaterThanOrEqual(300)
    const sizes = sites.map((indices) => indices.length)
    expect(Math.max(...sizes)).toBeGreaterThan(1.3 * Math.min(...sizes))
    expect(split(1)).toEqual(sites)
    expect(split(2)).not.toEqual(sites)
  })

  test('skews labels the more the smaller alpha', () => {
    /** Mean over sites of the share of the most frequent digit. */
    const skew = (sites: Uint32Array[]) =>
      sites.reduce((sum, indices) => {
        const counts = histogram(pickDigits(digits, indices).labels)
        return sum + Math.max(...counts) / indices.length / sites.length
      }, 0)
    expect(skew(split(1, 100))).toBeLessThan(0.15)
    expect(skew(split(1, 0.5))).toBeGreaterThan(0.2)
  })

  test('refuses what cannot be', () => {
    const act = () => dirichletSplit({ labels: [0, 1], sites: 3, alpha: 0.5, seed: 1, minExamples: 1 })
    expect(act).toThrow(expect.objectContaining({ code: 'split_impossible' }))
  })
})
