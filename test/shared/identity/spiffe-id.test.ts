import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isTrustDomain, isWorkloadId, parseSpiffeId, parseWorkloadId } from '../../../shared/identity/spiffe-id.ts'

describe('parseSpiffeId', () => {
  test.each([
    ['spiffe://a.example/site/north', 'a.example', '/site/north'],
    ['spiffe://a.example', 'a.example', ''],
    ['spiffe://1.2.3.4/x', '1.2.3.4', '/x'],
    ['spiffe://a_b-c/...', 'a_b-c', '/...'],
    ['spiffe://a/A_b-C.9', 'a', '/A_b-C.9'],
  ])('accepts %s', (text, trustDomain, path) => {
    expect(parseSpiffeId(text)).toEqual({ ok: true, id: { trustDomain, path, text } })
  })

  test.each([
    ['', 'spiffe_id_scheme'],
    ['https://a.example/x', 'spiffe_id_scheme'],
    ['SPIFFE://a.example/x', 'spiffe_id_scheme'],
    ['spiffe:/a.example/x', 'spiffe_id_scheme'],
    ['spiffe:///x', 'spiffe_id_trust_domain'],
    ['spiffe://', 'spiffe_id_trust_domain'],
    ['spiffe://A.example/x', 'spiffe_id_trust_domain'],
    ['spiffe://a.example:80/x', 'spiffe_id_trust_domain'],
    ['spiffe://u@a.example/x', 'spiffe_id_trust_domain'],
    ['spiffe://a%2eexample/x', 'spiffe_id_trust_domain'],
    ['spiffe://a.example?x', 'spiffe_id_trust_domain'],
    ['spiffe://[::1]/x', 'spiffe_id_trust_domain'],
    ['spiffe://a.example\n/x', 'spiffe_id_trust_domain'],
    [`spiffe://${'a'.repeat(256)}/x`, 'spiffe_id_trust_domain'],
    ['spiffe://a.example/', 'spiffe_id_path'],
    ['spiffe://a.example/x/', 'spiffe_id_path'],
    ['spiffe://a.example//x', 'spiffe_id_path'],
    ['spiffe://a.example/./x', 'spiffe_id_path'],
    ['spiffe://a.example/x/..', 'spiffe_id_path'],
    ['spiffe://a.example/x%2fy', 'spiffe_id_path'],
    ['spiffe://a.example/x?y', 'spiffe_id_path'],
    ['spiffe://a.example/x#y', 'spiffe_id_path'],
    ['spiffe://a.example/é', 'spiffe_id_path'],
    ['spiffe://a.example/x\n', 'spiffe_id_path'],
    [`spiffe://a.example/${'a'.repeat(2048)}`, 'spiffe_id_too_long'],
  ])('refuses %j', (text, code) => {
    expect(parseSpiffeId(text)).toMatchObject({ ok: false, code })
  })

  test('takes ids of 2048 characters and trust domains of 255', () => {
    const longest = `spiffe://${'a'.repeat(255)}/`
    expect(parseSpiffeId(longest + 'b'.repeat(2048 - longest.length)).ok).toBe(true)
    expect(isTrustDomain('a'.repeat(255))).toBe(true)
  })

  test('whatever it accepts stands unchanged in the result', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'B', '/', '.', '%', ':', '@', ' ') }), (rest) => {
        const parsed = parseSpiffeId(`spiffe://${rest}`)
        if (parsed.ok) expect(`spiffe://${parsed.id.trustDomain}${parsed.id.path}`).toBe(`spiffe://${rest}`)
      }),
    )
  })
})

test('a workload id has a path', () => {
  expect(isWorkloadId('spiffe://a.example/x')).toBe(true)
  expect(parseWorkloadId('spiffe://a.example')).toMatchObject({ ok: false, code: 'spiffe_id_without_path' })
})
