/** The tables in docs/parameters.md are what the parameter finder gives. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parameterGrid } from '../../bin/parameter-table.ts'

const page = readFileSync(new URL('../../docs/parameters.md', import.meta.url), 'utf8')

for (const adversary of ['malicious', 'semi-honest'] as const) {
  test(`${adversary}: regenerate with blindsum plan parameters --grid --adversary ${adversary}`, () => {
    const grid = parameterGrid(adversary)
    expect(grid.split('\n').length).toBeGreaterThan(25)
    expect(page).toContain(grid)
  })
}
