/** Bounds of the parameter rule that the usual rates never come near. */
import { expect, test } from 'vitest'
import { findParameters, MAX_PARTICIPANTS, sharingParameters } from '../../../shared/protocol/threshold.ts'
import { log2Tail } from './log-tails.ts'

const assume = (colluders: number, adversary: 'malicious' | 'semi-honest') => ({
  gammaPpm: 0,
  deltaPpm: 0,
  colluders,
  adversary,
  graph: 'auto' as const,
  maxNeighbours: 1000,
})

test('no more participants than a share has indices', () => {
  const found = findParameters(MAX_PARTICIPANTS + 1, assume(0, 'malicious'))
  expect(found.ok ? 'found' : found.broken.bound).toBe('size')
})

test('semi-honest: nobody is cut off by colluders, even where most collude and nobody falls silent', () => {
  for (const [n, colluders] of [
    [80, 66],
    [100, 74],
    [100, 75],
    [100, 78],
  ] as const) {
    const { neighbours, graph } = sharingParameters(n, assume(colluders, 'semi-honest'))
    expect(graph).toBe('sparse')
    const cut = 2 * Math.log2(n) - 1 + log2Tail({ total: n, marked: colluders, drawn: neighbours }, neighbours - 1)
    expect(cut).toBeLessThanOrEqual(-40 + 1e-6)
  }
  const hopeless = findParameters(66, assume(64, 'semi-honest'))
  expect(hopeless.ok ? 'found' : hopeless.broken.bound).toBe('privacy')
})
