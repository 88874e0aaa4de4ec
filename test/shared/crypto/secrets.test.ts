import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Secret, wipe } from '../../../shared/crypto/secrets.ts'
import { InvariantError } from '../../../shared/errors.ts'

describe('secrets', () => {
  test('wipe overwrites every given array', () => {
    const bytes = Uint8Array.of(1, 2)
    const words = Uint16Array.of(3)
    wipe(bytes, words)
    expect([...bytes, ...words]).toEqual([0, 0, 0])
  })

  test('a secret is used until its last use, which wipes it', () => {
    const bytes = Uint8Array.of(5, 6)
    const secret = new Secret(bytes)
    expect(secret.use((held) => held[0])).toBe(5)
    expect(secret.spent).toBe(false)
    expect(secret.useLast((held) => held[1])).toBe(6)
    expect(secret.spent).toBe(true)
    expect([...bytes]).toEqual([0, 0])
  })

  test('using a spent secret is our bug', () => {
    const secret = new Secret(Uint8Array.of(1))
    secret.spend()
    secret.spend()
    expect(() => secret.use(() => 0)).toThrow(InvariantError)
    expect(() => secret.useLast(() => 0)).toThrow(InvariantError)
  })

  test('the last use wipes even when the work throws', () => {
    const bytes = Uint8Array.of(9)
    const secret = new Secret(bytes)
    const fail = () => {
      throw new RangeError('work failed')
    }
    expect(() => secret.useLast(fail)).toThrow(RangeError)
    expect(secret.spent).toBe(true)
    expect(bytes[0]).toBe(0)
  })

  test('inspection, JSON and text show nothing', () => {
    const secret = new Secret(Uint8Array.of(171, 205))
    const shown = [inspect({ secret }, { depth: 9, showHidden: true }), JSON.stringify({ secret }), `${secret}`]
    for (const text of shown) {
      expect(text).toContain('[secret]')
      expect(text).not.toMatch(/171|205|ab|cd/i)
    }
    secret.spend()
    expect(inspect(secret)).toBe('[spent secret]')
  })
})
