/**
 * Lines over an axis, as an SVG that needs nothing else: no fonts, scripts or style sheets from anywhere, and a background of its
 * own, so that it reads the same in a dark viewer. In goes plain data, out comes text. Pure.
 */
import { type Axis, axisOver, positionOn, type Scale } from './axis.ts'
import { seriesStyle } from './series-style.ts'
import { escapedXml, textWidth, wrapped } from './svg-text.ts'
import { inUnit, type Unit } from './unit.ts'

export interface LinePlot {
  readonly title: string
  /** Under the title, smaller: what holds for all of it. */
  readonly note?: string
  readonly x: PlotAxis
  /** A linear one begins at zero. */
  readonly y: PlotAxis
  /** In the order of the legend. */
  readonly series: readonly Series[]
}

export interface PlotAxis {
  readonly label: string
  readonly scale: Scale
  readonly unit: Unit
}

export interface Series {
  readonly name: string
  /** In any order; a logarithmic axis has no place for those that are not positive, which the legend then says. */
  readonly points: readonly Point[]
}

export interface Point {
  readonly x: number
  readonly y: number
}

const INNER = { width: 600, height: 360 }
const MARGIN = 16
const TITLE_SIZE = 17
const TEXT_SIZE = 13
const NOTE_SIZE = 12
const LINE_HEIGHT = 1.35
const TICK_LENGTH = 6
const SWATCH_WIDTH = 34
const LEGEND_ROW = 24

const INK = '#1a1a1a'
const FAINT = '#dddddd'
const FAINTER = '#f0f0f0'
const FONTS = 'Helvetica, Arial, sans-serif'

/** The plot as an SVG document. @throws InvariantError when a coordinate is not finite. */
export function linePlot(plot: LinePlot): string {
  const drawn = plot.series.map((series) => drawable(series, plot))
  const points = drawn.flatMap((series) => series.points)
  const x = axisOver(
    points.map((point) => point.x),
    plot.x.scale,
  )
  const y = axisOver(
    points.map((point) => point.y),
    plot.y.scale,
    true,
  )
  const frame = framed(plot, y, drawn)
  const { left, top, width, height } = frame
  const at = (point: Point): Place => ({
    x: left + positionOn(x, point.x) * INNER.width,
    y: top + INNER.height * (1 - positionOn(y, point.y)),
  })
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="${FONTS}" font-size="${TEXT_SIZE}" fill="${INK}">`,
    `<title>${escapedXml(plot.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...frame.head,
    ...xAxis(x, plot.x, frame),
    ...yAxis(y, plot.y, frame),
    `<rect x="${left}" y="${top}" width="${INNER.width}" height="${INNER.height}" fill="none" stroke="${INK}"/>`,
    ...drawn.flatMap((series, place) => seriesParts(series.points.map(at), place)),
    ...drawn.flatMap(({ name }, place) => legendParts(name, place, frame)),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

/** A place in the drawing, in its own units. */
interface Place {
  readonly x: number
  readonly y: number
}

/** Where the inner rectangle stands, and how large all of it is. */
interface Frame {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly head: readonly string[]
}

function framed(plot: LinePlot, y: Axis, series: readonly Series[]): Frame {
  const widest = (texts: readonly string[]) => Math.max(0, ...texts.map((text) => textWidth(text, TEXT_SIZE)))
  const ticks = widest(y.ticks.map((tick) => inUnit(tick, plot.y.unit)))
  const left = Math.ceil(MARGIN + TEXT_SIZE * LINE_HEIGHT + ticks + TICK_LENGTH + 6)
  const legend = Math.ceil(SWATCH_WIDTH + widest(series.map(({ name }) => name)) + 8)
  const width = left + INNER.width + MARGIN + legend + MARGIN
  let baseline = MARGIN
  const lines = (text: string, size: number, weight: string) =>
    wrapped(text, size, width - 2 * MARGIN).map((line) => {
      baseline += size * LINE_HEIGHT
      return `<text x="${MARGIN}" y="${rounded(baseline - size * 0.35)}" font-size="${size}"${weight}>${escapedXml(line)}</text>`
    })
  const head = [...lines(plot.title, TITLE_SIZE, ' font-weight="bold"'), ...lines(plot.note ?? '', NOTE_SIZE, '')]
  const top = Math.ceil(baseline + MARGIN)
  const inner = Math.max(INNER.height, series.length * LEGEND_ROW)
  return { left, top, width, height: Math.ceil(top + inner + TICK_LENGTH + 3.4 * TEXT_SIZE + MARGIN), head }
}

function xAxis(axis: Axis, { label, unit }: PlotAxis, { left, top }: Frame): readonly string[] {
  const bottom = top + INNER.height
  const at = (tick: number) => rounded(left + positionOn(axis, tick) * INNER.width)
  const grid = (tick: number, colour: string) =>
    `<path d="M${at(tick)} ${top}V${bottom}" stroke="${colour}" fill="none"/>`
  return [
    ...axis.minorTicks.map((tick) => grid(tick, FAINTER)),
    ...axis.ticks.flatMap((tick) => [
      grid(tick, FAINT),
      `<path d="M${at(tick)} ${bottom}v${TICK_LENGTH}" stroke="${INK}" fill="none"/>`,
      `<text x="${at(tick)}" y="${bottom + TICK_LENGTH + TEXT_SIZE}" text-anchor="middle">${inUnit(tick, unit)}</text>`,
    ]),
    `<text x="${left + INNER.width / 2}" y="${rounded(bottom + TICK_LENGTH + 2.8 * TEXT_SIZE)}" text-anchor="middle">${escapedXml(label)}</text>`,
  ]
}

function yAxis(axis: Axis, { label, unit }: PlotAxis, { left, top }: Frame): readonly string[] {
  const at = (tick: number) => top + INNER.height * (1 - positionOn(axis, tick))
  const grid = (tick: number, colour: string) =>
    `<path d="M${left} ${rounded(at(tick))}h${INNER.width}" stroke="${colour}" fill="none"/>`
  const middle = top + INNER.height / 2
  const beside = MARGIN + TEXT_SIZE * 0.8
  return [
    ...axis.minorTicks.map((tick) => grid(tick, FAINTER)),
    ...axis.ticks.flatMap((tick) => [
      grid(tick, FAINT),
      `<path d="M${left} ${rounded(at(tick))}h${-TICK_LENGTH}" stroke="${INK}" fill="none"/>`,
      `<text x="${left - TICK_LENGTH - 4}" y="${rounded(at(tick) + TEXT_SIZE * 0.35)}" text-anchor="end">${inUnit(tick, unit)}</text>`,
    ]),
    `<text x="${beside}" y="${middle}" text-anchor="middle" transform="rotate(-90 ${beside} ${middle})">${escapedXml(label)}</text>`,
  ]
}

function seriesParts(places: readonly Place[], place: number): readonly string[] {
  if (places.length === 0) return []
  const { colour, marker } = seriesStyle(place)
  const line = places.map(({ x, y }) => `${rounded(x)},${rounded(y)}`).join(' ')
  return [
    `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`,
    ...places.map(({ x, y }) => markerPart(marker, colour, { x, y })),
  ]
}

function legendParts(name: string, place: number, { left, top }: Frame): readonly string[] {
  const { colour, marker } = seriesStyle(place)
  const x = left + INNER.width + MARGIN
  const y = top + LEGEND_ROW * (place + 0.5)
  return [
    `<path d="M${x} ${y}h${SWATCH_WIDTH - 8}" stroke="${colour}" stroke-width="2" fill="none"/>`,
    markerPart(marker, colour, { x: x + (SWATCH_WIDTH - 8) / 2, y }),
    `<text x="${x + SWATCH_WIDTH}" y="${rounded(y + TEXT_SIZE * 0.35)}">${escapedXml(name)}</text>`,
  ]
}

function markerPart(marker: string, colour: string, { x, y }: Place): string {
  // The white rim keeps markers apart that lie on each other.
  return `<path d="${marker}" transform="translate(${rounded(x)} ${rounded(y)})" fill="${colour}" stroke="#ffffff" stroke-width="0.8"/>`
}

/** The points that the axes have a place for, from left to right; the name says when there were others. */
function drawable({ name, points }: Series, plot: LinePlot): Series {
  const isPlaced = ({ x, y }: Point) => (plot.x.scale === 'linear' || x > 0) && (plot.y.scale === 'linear' || y > 0)
  const placed = points.filter(isPlaced).sort((a, b) => a.x - b.x)
  const left = points.length - placed.length
  return { name: left === 0 ? name : `${name} (${placed.length === 0 ? '0' : `${left} not shown: 0`})`, points: placed }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
