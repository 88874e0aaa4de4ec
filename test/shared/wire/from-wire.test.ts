/** What a peer filled in is checked for shape once, here: wrong lengths and missing parts are coded refusals, never crashes. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../../shared/protocol/refusal.ts'
import {
  dealFromWire,
  entryFromWire,
  instructionFromWire,
  noShareFromWire,
  revealFromWire,
} from '../../../shared/wire/from-wire.ts'
import { Instruction } from '../../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { Deal, Reveal, RosterEntry } from '../../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { refusalFromError, refusalToStatus } from '../../../shared/wire/status.ts'

const refusal = (read: () => unknown): string => {
  try {
    read()
  } catch (error) {
    if (error instanceof ProtocolError) return error.code
    throw error
  }
  return 'accepted'
}

const entry = {
  spiffeId: 'spiffe://lab.example/site/east',
  channelKey: new Uint8Array(32),
  maskKey: new Uint8Array(32),
  signingKey: new Uint8Array(33),
  advertisedAtMs: 1,
  certificateChain: [new Uint8Array(4)],
  signature: new Uint8Array(64),
}

describe('lengths and presence', () => {
  test('a well-shaped entry is read', () => {
    expect(entryFromWire(entry)).toEqual(entry)
  })

  test.each([
    ['channel key', { channelKey: new Uint8Array(31) }],
    ['mask key', { maskKey: new Uint8Array(33) }],
    ['signing key', { signingKey: new Uint8Array(32) }],
    ['signature', { signature: new Uint8Array(0) }],
    ['certificate chain', { certificateChain: Array.from({ length: 9 }, () => new Uint8Array(4)) }],
  ])('entry: %s', (_, change) => {
    expect(refusal(() => entryFromWire({ ...entry, ...change }))).toBe('malformed')
  })

  test('missing messages', () => {
    for (const read of [entryFromWire, dealFromWire, noShareFromWire, revealFromWire]) {
      expect(refusal(() => read(undefined))).toBe('malformed')
    }
    expect(refusal(() => revealFromWire({ shares: [{ owner: 1, share: undefined }] }))).toBe('malformed')
    expect(refusal(() => dealFromWire(Deal.decode(new Uint8Array(0))))).toBe('malformed')
  })

  test('what is read does not pin the message it came in', () => {
    const message = Buffer.from(RosterEntry.encode(entry).finish())
    const read = entryFromWire(RosterEntry.decode(message))
    for (const field of [read.channelKey, read.signature, read.certificateChain[0]]) {
      expect(field?.buffer).not.toBe(message.buffer)
      expect(field).not.toBeInstanceOf(Buffer)
    }
  })
})

test('any bytes are an instruction, a refusal or a decoding error, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      let decoded: Instruction
      try {
        decoded = Instruction.decode(bytes)
      } catch {
        return
      }
      expect(['accepted', 'malformed']).toContain(refusal(() => instructionFromWire(decoded.step)))
    }),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      let decoded: Reveal
      try {
        decoded = Reveal.decode(bytes)
      } catch {
        return
      }
      expect(['accepted', 'malformed']).toContain(refusal(() => revealFromWire(decoded)))
    }),
    { numRuns: 2000 },
  )
})

test('a refusal goes through a status and comes back with its code', () => {
  for (const code of ['bad_signature', 'malformed', 'late', 'too_busy', 'unknown_participant']) {
    const status = refusalToStatus(code, 'what was wrong')
    const error = Object.assign(new Error(status.details), status)
    expect(refusalFromError(error)).toEqual({ code, message: 'what was wrong', retry: code === 'too_busy' })
  }
  const cut = Object.assign(new Error('x'), { code: 14, details: 'No connection established' })
  expect(refusalFromError(cut)).toMatchObject({ code: 'unavailable', retry: true })
  expect(refusalFromError('odd')).toMatchObject({ code: 'failed', retry: false })
})
