/** Plots as a reader of SVG gets them: well formed, self-contained, everything inside, nothing on top of something else. */
import { describe, expect, test } from 'vitest'
import { type LinePlot, linePlot } from '../../../shared/plot/line-plot.ts'
import { seriesStyle } from '../../../shared/plot/series-style.ts'
import { escapedXml, wrapped } from '../../../shared/plot/svg-text.ts'
import { type Element, readSvg } from './read-svg.ts'

const X = { label: 'participants n', scale: 'log', unit: 'count' } as const
const Y = { label: 'time', scale: 'log', unit: 'ms' } as const
const SIZES = [10, 30, 100, 300, 1000]

function plotOf(changes: Partial<LinePlot> = {}): LinePlot {
  const series = ['share keys', 'mask input', 'in all'].map((name, place) => ({
    name,
    points: SIZES.map((x) => ({ x, y: (place + 1) * x ** 0.8 })),
  }))
  return { title: 'Time by stage', note: 'two cores', x: X, y: Y, series, ...changes }
}

/** Places named by the elements: lines, markers, texts, rectangles. */
function placesOf(elements: readonly Element[]): readonly (readonly [number, number])[] {
  return elements.flatMap(({ name, attributes }) => {
    if (name === 'text') return [[Number(attributes.x), Number(attributes.y)] as const]
    if (name === 'polyline') return pairs(attributes.points ?? '')
    if (name === 'path' && attributes.transform !== undefined) {
      return pairs(attributes.transform.replace(/translate\(|\)/g, '').replace(' ', ','))
    }
    if (name === 'path') return pairs(/^M([-\d.]+ [-\d.]+)/.exec(attributes.d ?? '')?.[1]?.replace(' ', ',') ?? '')
    return []
  })
}

function pairs(text: string): readonly (readonly [number, number])[] {
  return text.split(' ').map((pair) => {
    const [x, y] = pair.split(',').map(Number)
    return [x ?? Number.NaN, y ?? Number.NaN]
  })
}

function sizeOf(elements: readonly Element[]): readonly [number, number] {
  const [, , width = 0, height = 0] = (elements[0]?.attributes.viewBox ?? '').split(' ').map(Number)
  return [width, height]
}

const SPECIAL: readonly (readonly [string, LinePlot])[] = [
  ['usual', plotOf()],
  ['linear', plotOf({ x: { ...X, scale: 'linear' }, y: { ...Y, scale: 'linear' } })],
  ['single points', plotOf({ series: [{ name: 'one', points: [{ x: 5, y: 3 }] }] })],
  ['one point at zero', plotOf({ x: { ...X, scale: 'linear' }, series: [{ name: 'one', points: [{ x: 0, y: 3 }] }] })],
  [
    'all zero',
    plotOf({ y: { ...Y, scale: 'linear' }, series: [{ name: 'none', points: SIZES.map((x) => ({ x, y: 0 })) }] }),
  ],
  ['all zero, logarithmic', plotOf({ series: [{ name: 'none', points: SIZES.map((x) => ({ x, y: 0 })) }] })],
  ['no points', plotOf({ series: [{ name: 'none', points: [] }] })],
  ['no series', plotOf({ series: [] })],
  [
    'many series',
    plotOf({ series: Array.from({ length: 24 }, (_, s) => ({ name: `s${s}`, points: [{ x: 1, y: s + 1 }] })) }),
  ],
  [
    'long words',
    plotOf({ title: 'word '.repeat(60), note: 'x'.repeat(60), series: [{ name: 'n'.repeat(80), points: [] }] }),
  ],
  [
    'huge and tiny',
    plotOf({
      series: [
        {
          name: 'wide',
          points: [
            { x: 1e-6, y: 1e-9 },
            { x: 1e9, y: 1e15 },
          ],
        },
      ],
    }),
  ],
]

describe.each(SPECIAL)('%s', (_, plot) => {
  const svg = linePlot(plot)
  const elements = readSvg(svg)
  const [width, height] = sizeOf(elements)

  test('is one well-formed element with a background and a title', () => {
    expect(elements[0]).toMatchObject({ name: 'svg', attributes: { xmlns: 'http://www.w3.org/2000/svg' } })
    expect(elements[1]).toMatchObject({ name: 'title', text: plot.title })
    const whole = { width: String(width), height: String(height), fill: '#ffffff' }
    expect(elements[2]).toMatchObject({ name: 'rect', attributes: whole })
  })

  test('has every place inside its view box', () => {
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    const places = placesOf(elements)
    expect(places.length).toBeGreaterThan(5)
    for (const [x, y] of places) {
      expect(x >= 0 && x <= width && y >= 0 && y <= height, `${x} ${y}`).toBe(true)
    }
  })

  test('its texts lie beside each other', () => {
    const boxes = elements
      .filter(({ name, attributes }) => name === 'text' && attributes.transform === undefined)
      .map(boxOf)
    for (const [place, a] of boxes.entries()) {
      expect(a.left >= 0 && a.right <= width, a.text).toBe(true)
      for (const b of boxes.slice(place + 1)) {
        const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top
        expect(apart, `${a.text} / ${b.text}`).toBe(true)
      }
    }
  })
})

/** About where a text stands. */
function boxOf({ attributes, text }: Element) {
  const size = Number(attributes['font-size'] ?? 13)
  const [x, y, width] = [Number(attributes.x), Number(attributes.y), text.length * size * 0.55]
  const before = { middle: width / 2, end: width }[attributes['text-anchor'] ?? ''] ?? 0
  return { text, left: x - before, right: x - before + width, top: y - size * 0.75, bottom: y + size * 0.2 }
}

test('needs nothing from anywhere', () => {
  const svg = linePlot(plotOf())
  expect(svg).not.toMatch(/<(script|style|link|image|use|foreignObject)|@import|url\(|href|<!|<\?/)
  expect(svg.match(/https?:[^"]*/g)).toEqual(['http://www.w3.org/2000/svg'])
})

test('points stand where the axes say: powers of ten at equal steps, ticks labelled', () => {
  const points = [10, 100, 1000].map((x) => ({ x, y: x }))
  const elements = readSvg(linePlot(plotOf({ series: [{ name: 'line', points }] })))
  const line = elements.find(({ name }) => name === 'polyline')
  const [a, b, c] = pairs(line?.attributes.points ?? '')
  expect((c?.[0] ?? 0) - (b?.[0] ?? 0)).toBeCloseTo((b?.[0] ?? 0) - (a?.[0] ?? 0), 1)
  expect((c?.[1] ?? 0) - (b?.[1] ?? 0)).toBeCloseTo((b?.[1] ?? 0) - (a?.[1] ?? 0), 1)
  expect(a?.[1]).toBeGreaterThan(c?.[1] ?? 0)
  const texts = elements.filter(({ name }) => name === 'text')
  const label = (text: string) => texts.find((element) => element.text === text)?.attributes
  expect(Number(label('100')?.x)).toBeCloseTo(b?.[0] ?? 0, 1)
  expect(Number(label('100 ms')?.y)).toBeCloseTo((b?.[1] ?? 0) + 13 * 0.35, 1)
  for (const text of ['Time by stage', 'two cores', 'participants n', 'time', 'line', '1,000', '1 s']) {
    expect(label(text), text).toBeDefined()
  }
})

test('points come in any order, the line goes from left to right', () => {
  const points = SIZES.map((x) => ({ x, y: x }))
  const there = linePlot(plotOf({ series: [{ name: 'a', points }] }))
  expect(linePlot(plotOf({ series: [{ name: 'a', points: points.toReversed() }] }))).toBe(there)
})

test('the legend says which zeros a logarithmic axis could not show', () => {
  const none = { name: 'silent', points: SIZES.map((x) => ({ x, y: 0 })) }
  const some = { name: 'late', points: SIZES.map((x) => ({ x, y: x < 50 ? 0 : x })) }
  const elements = readSvg(linePlot(plotOf({ series: [none, some] })))
  const texts = elements.map(({ text }) => text)
  expect(texts).toContain('silent (0)')
  expect(texts).toContain('late (2 not shown: 0)')
  expect(elements.filter(({ name }) => name === 'polyline')).toHaveLength(1)
})

test('a coordinate that is no number is refused', () => {
  const plot = plotOf({ y: { ...Y, scale: 'linear' }, series: [{ name: 'a', points: [{ x: 1, y: Number.NaN }] }] })
  expect(() => linePlot(plot)).toThrow(expect.objectContaining({ code: 'invariant_broken' }))
})

test('seven series differ in colour and in marker, the next seven in the pair of both', () => {
  const styles = Array.from({ length: 14 }, (_, place) => seriesStyle(place))
  expect(new Set(styles.slice(0, 7).map(({ colour }) => colour)).size).toBe(7)
  expect(new Set(styles.slice(0, 7).map(({ marker }) => marker)).size).toBe(7)
  expect(new Set(styles.map(({ colour, marker }) => colour + marker)).size).toBe(14)
})

test('text is escaped, and what XML cannot hold is left out', () => {
  const title = `a<b>&"c"'d'\u0000\u0007\ud800e`
  expect(escapedXml(title)).toBe('a&lt;b&gt;&amp;&quot;c&quot;&#39;d&#39;   e')
  const svg = linePlot(plotOf({ title, series: [{ name: '</text><script>', points: [] }] }))
  expect(readSvg(svg)[1]?.text).toBe(`a<b>&"c"'d'   e`)
  expect(svg).not.toContain('<script')
})

test('lines break between words only', () => {
  expect(wrapped('one two three', 10, 50)).toEqual(['one two', 'three'])
  expect(wrapped('unbreakable', 10, 5)).toEqual(['unbreakable'])
  expect(wrapped('', 10, 50)).toEqual([])
})
