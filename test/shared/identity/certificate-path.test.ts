/** The path validator by itself, for what its caller has ruled out before. */
import { expect, test } from 'vitest'
import { validatePath } from '../../../shared/identity/certificate-path.ts'

test('an empty chain has no path, whatever the authorities', () => {
  const anchor = { authorities: [], trustDomain: 'a.example', nowMs: 0 }
  expect(() => validatePath([], anchor)).toThrow(expect.objectContaining({ code: 'chain_empty' }))
})
