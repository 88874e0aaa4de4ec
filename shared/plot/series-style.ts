/**
 * What tells one line of a plot from another: a colour of Okabe and Ito (2008), which readers who see fewer colours can tell
 * apart, and a marker, for those who see none. Their yellow is left out: it is too light on white. Pure.
 */

export interface SeriesStyle {
  readonly colour: string
  /** Path data of the marker, its middle at 0, 0. */
  readonly marker: string
}

const BLUE = '#0072b2'
const ORANGE = '#e69f00'
const GREEN = '#009e73'
const VERMILLION = '#d55e00'
const PURPLE = '#cc79a7'
const SKY = '#56b4e9'
const BLACK = '#000000'

const CIRCLE = 'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z'
const SQUARE = 'M-3.6 -3.6h7.2v7.2h-7.2z'
const TRIANGLE = 'M0 -4.6L4.4 3.4H-4.4z'
const DIAMOND = 'M0 -5.2L5.2 0L0 5.2L-5.2 0z'
const DOWN_TRIANGLE = 'M0 4.6L-4.4 -3.4H4.4z'
const PENTAGON = 'M0 -4.8L4.6 -1.5L2.8 3.9H-2.8L-4.6 -1.5z'
const CROSS = 'M-4.6 -2.6L-2.6 -4.6L0 -2L2.6 -4.6L4.6 -2.6L2 0L4.6 2.6L2.6 4.6L0 2L-2.6 4.6L-4.6 2.6L-2 0z'

const COLOURS = [BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, BLACK]
const MARKERS = [CIRCLE, SQUARE, TRIANGLE, DIAMOND, DOWN_TRIANGLE, PENTAGON, CROSS]

/** The style of the series at a place, counted from 0. Behind the seventh, colours come again with other markers. */
export function seriesStyle(place: number): SeriesStyle {
  const turn = Math.floor(place / COLOURS.length)
  return {
    colour: COLOURS[place % COLOURS.length] ?? BLACK,
    marker: MARKERS[(place + turn) % MARKERS.length] ?? CIRCLE,
  }
}
