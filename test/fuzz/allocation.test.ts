/** No allocation beyond the message: what is decoded takes a small multiple of its bytes, and bombs are never decoded. */
import { describe, expect, test } from 'vitest'
import { MAX_FIELDS, requestFlaw } from '../../coordinator/rpc/request-limits.ts'
import { measured } from '../../coordinator/rpc/request-sizes.ts'
import { MAX_REPLY_BYTES } from '../../shared/transport/limits.ts'
import { UndecodedRequest } from '../../shared/transport/undecoded-request.ts'
import { CoordinatorService, Instruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { MAX_REPLY_FIELDS, replyFlaw } from '../../shared/wire/reply-limits.ts'
import { bombsIn, DECLARED, REQUEST_MESSAGES } from './bombs.ts'
import { makeCorpus } from './corpus.ts'
import type { Method } from './requests.ts'
import { weightOf } from './weight.ts'

const service = measured(CoordinatorService)
const METHODS = Object.keys(REQUEST_MESSAGES) as Method[]
/** The most that one field may become: an entry or a deal of empty fields. */
const BYTES_PER_FIELD = 1_200
const REQUEST_BYTES = 96 * 1024

describe('a request', () => {
  for (const method of METHODS) {
    for (const bomb of bombsIn(REQUEST_MESSAGES[method], REQUEST_BYTES)) {
      test(`${method}: ${bomb.name} many times, empty`, () => {
        expect(requestFlaw(method, bomb.bytes)).not.toBeNull()
        const bytes = Buffer.from(bomb.bytes)
        const weight = weightOf(() => Array.from({ length: 20 }, () => service[method].requestDeserialize(bytes)))
        expect(weight).toBeLessThan(20 * 64 * 1024)
      })
    }
    test(`${method}: a declared length that is not there`, () => {
      for (const bytes of DECLARED) {
        expect(service[method].requestDeserialize(Buffer.from(bytes))).toBeInstanceOf(UndecodedRequest)
      }
    })
  }

  test('as many empty fields as are let through stay within what a request may take', () => {
    for (const method of METHODS) {
      for (const bomb of bombsIn(REQUEST_MESSAGES[method], 2 * (MAX_FIELDS - 8))) {
        const bytes = Buffer.from(bomb.bytes)
        const weight = weightOf(() => service[method].requestDeserialize(bytes))
        expect(weight).toBeLessThan(MAX_FIELDS * BYTES_PER_FIELD)
      }
    }
  })
})

describe('an instruction', () => {
  const flaw = (bytes: Uint8Array) => replyFlaw('attend', bytes)

  test.each(bombsIn('Instruction', MAX_REPLY_BYTES).map((bomb) => [bomb.name, bomb] as const))(
    '%s many times, empty',
    (_, bomb) => {
      expect(flaw(bomb.bytes)).toMatch(/fields/)
    },
  )

  /** Unknown bytes in front: every field has its share of the message, so that only the count is left to stop it. */
  const padded = (bytes: Uint8Array, length: number) => {
    const filler = Buffer.alloc(Math.max(0, length - 6))
    const declared = Buffer.from([0xfa, 0x01, 0, 0, 0, 0])
    let rest = filler.length
    for (let at = 2; at < 6; at += 1, rest = Math.floor(rest / 128)) declared[at] = (rest & 0x7f) | (at < 5 ? 0x80 : 0)
    return new Uint8Array(Buffer.concat([declared, filler, bytes]))
  }

  test('as many empty fields as are let through stay within what an agent can bear', () => {
    for (const bomb of bombsIn('Instruction', 2 * (MAX_REPLY_FIELDS - 8))) {
      expect(flaw(bomb.bytes)).toMatch(/fields/)
      const bytes = padded(bomb.bytes, 6 * MAX_REPLY_FIELDS + 1024)
      expect(flaw(bytes)).toBeNull()
      expect(weightOf(() => Instruction.decode(bytes))).toBeLessThan(MAX_REPLY_FIELDS * BYTES_PER_FIELD)
    }
  })

  test('a declared length that is not there', () => {
    for (const bytes of DECLARED) expect(flaw(bytes)).not.toBeNull()
  })
})

test('honest messages take a small multiple of their bytes', async () => {
  const { moments } = await makeCorpus()
  for (const moment of moments.filter(({ name }) => name.startsWith('all stay/003/'))) {
    const bytes = moment.side === 'participant' ? moment.bytes : (moment.requests[moment.target] ?? new Uint8Array(0))
    const message = Buffer.from(bytes)
    const decode = () =>
      moment.side === 'participant' ? Instruction.decode(message) : service[moment.method].requestDeserialize(message)
    decode()
    const weight = weightOf(() => Array.from({ length: 400 }, decode)) / 400
    expect(weight, moment.name).toBeLessThan(16 * bytes.length + 2_048)
  }
})
