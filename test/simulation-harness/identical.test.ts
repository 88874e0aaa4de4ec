/** What is computed once for identical bytes is charged to everybody, and never given to whoever was sent other bytes. */
import { expect, test } from 'vitest'
import { Identical } from '../../simulation/identical.ts'

/** Two roster lines of 67 bytes; `mark` is in the second one's key. */
function packedLines(mark: number): Uint8Array {
  const packed = new Uint8Array(2 * 67)
  packed[1] = 1
  packed[68] = 2
  packed[70] = mark
  return packed
}

/** Work that takes a while by any clock. */
function busy(): number {
  const until = performance.now() + 30
  let turns = 0
  while (performance.now() < until) turns += 1
  return turns
}

test('the same lines are read once, others again', () => {
  const { long } = new Identical()
  const first = long.lines(packedLines(7))
  expect(long.lines(packedLines(7))).toBe(first)
  const other = long.lines(packedLines(8))
  expect(other).not.toBe(first)
  expect(other[1]?.signingKey[1]).toBe(8)
})

test('the same certificate is read once, and one that differs in any part again', () => {
  const { long } = new Identical()
  const wire = (change: object = {}) => ({
    shared: Uint8Array.of(3),
    survivors: Uint8Array.of(3),
    signers: Uint8Array.of(1),
    signatures: new Uint8Array(64),
    ...change,
  })
  const first = long.certificate(wire())
  expect(long.certificate(wire())).toBe(first)
  for (const change of [
    { shared: Uint8Array.of(1) },
    { survivors: Uint8Array.of(1) },
    { signers: Uint8Array.of(2) },
    { signatures: new Uint8Array(64).fill(1) },
  ]) {
    expect(long.certificate(wire(change))).not.toBe(first)
  }
})

test('whoever is spared the work pays for it', () => {
  const identical = new Identical()
  const lines = {}
  const turns = identical.once(lines, 'context', busy)
  expect(identical.takeCharge()).toBe(0)
  expect(identical.once(lines, 'context', busy)).toBe(turns)
  expect(identical.takeCharge()).toBeGreaterThan(0)
  expect(identical.takeCharge()).toBe(0)
})

test('of another object, or given other words, it is computed anew', () => {
  const { once } = new Identical()
  const lines = {}
  expect(once(lines, 'one context', () => 1)).toBe(1)
  expect(once(lines, 'another context', () => 2)).toBe(2)
  expect(once({}, 'one context', () => 3)).toBe(3)
})

test('a refusal is not kept', () => {
  const { once } = new Identical()
  const lines = {}
  const refuse = () => {
    throw new Error('refused')
  }
  expect(() => once(lines, 'context', refuse)).toThrow('refused')
  expect(() => once(lines, 'context', refuse)).toThrow('refused')
  expect(once(lines, 'context', () => 1)).toBe(1)
})
