/** Requests too heavy for their method are refused before anything is decoded. */
import { status } from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import { MAX_FIELDS, requestFlaw } from '../../../coordinator/rpc/request-limits.ts'
import { measured } from '../../../coordinator/rpc/request-sizes.ts'
import { MAX_NEIGHBOURS } from '../../../shared/protocol/threshold.ts'
import { UndecodedRequest } from '../../../shared/transport/undecoded-request.ts'
import {
  CoordinatorService,
  RevealSharesRequest,
  ShareKeysRequest,
} from '../../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { UploadPart } from '../../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'

const sessionId = new Uint8Array(16).fill(1)
const digest = new Uint8Array(32).fill(2)
const signature = new Uint8Array(64).fill(3)
const holders = Array.from({ length: MAX_NEIGHBOURS }, (_, place) => place + 1)

/** A submessage at field 2 that holds `count` empty messages at `field`. */
function bomb(field: number, count: number): Uint8Array {
  const inner = new Uint8Array(2 * count)
  for (let at = 0; at < inner.length; at += 2) inner[at] = (field << 3) | 2
  const length = [(inner.length & 0x7f) | 0x80, ((inner.length >> 7) & 0x7f) | 0x80, (inner.length >> 14) & 0x7f]
  return Uint8Array.from([0x12, ...length, ...inner])
}

describe('what is real passes', () => {
  test('a deal and a reveal over the largest complete graph', () => {
    const leaf = { ciphertextDigest: digest, selfShareCommitment: digest, maskKeyShareCommitment: digest }
    const deal = {
      owner: 1,
      selfSeedCommitment: digest,
      leaves: holders.map((holder) => ({ holder, ...leaf })),
      ciphertexts: holders.map((holder) => ({ holder, ciphertext: new Uint8Array(104).fill(holder) })),
      signature,
    }
    expect(requestFlaw('shareKeys', ShareKeysRequest.encode({ sessionId, deal }).finish())).toBeNull()
    const shares = holders.map((owner) => ({ owner, share: { $case: 'maskKey' as const, value: digest } }))
    expect(
      requestFlaw('revealShares', RevealSharesRequest.encode({ sessionId, reveal: { shares } }).finish()),
    ).toBeNull()
  })

  test('a chunk of any content, zeros included', () => {
    for (const fill of [0, 0x0a, 0xff]) {
      const part = UploadPart.encode({ part: { $case: 'chunk', value: new Uint8Array(1 << 20).fill(fill) } }).finish()
      expect(requestFlaw('uploadMaskedInput', part)).toBeNull()
    }
  })
})

describe('what would grow is refused', () => {
  test.each([
    ['leaves', 'shareKeys', bomb(3, 200_000)],
    ['ciphertexts', 'shareKeys', bomb(4, 200_000)],
    ['shares', 'revealShares', bomb(1, 60_000)],
    ['certificates', 'advertiseKeys', bomb(6, 40_000)],
    ['fields just above the limit', 'shareKeys', bomb(3, MAX_FIELDS)],
    ['chunks in one part', 'uploadMaskedInput', new Uint8Array(1 << 20).map((_, at) => (at % 2 === 0 ? 0x12 : 0))],
  ])('%s', (_, method, bytes) => {
    expect(requestFlaw(method, bytes)).toMatch(/fields/)
  })

  /** Bytes after which the decoder would be at another place than a careless walk. */
  test.each([
    ['a length with bits above 32, which the decoder drops', [0x12, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ['an empty group', [0x7b, 0x7c]],
    ['an end of a group', [0x0c]],
    ['field 0', [0x00, 0x7f]],
    ['a leaf with a field that ends after it', [0x1a, 0x02, 0x12, 0x7f]],
    ['a length beyond the end', [0x12, 0xff, 0xff, 0xff, 0x7f]],
  ])('a bomb behind %s', (_, prefix) => {
    const bytes = bomb(3, 200_000)
    bytes.set(prefix, 4)
    expect(requestFlaw('shareKeys', bytes)).not.toBeNull()
  })

  test('bytes beyond the limit of the method', () => {
    expect(requestFlaw('hello', new Uint8Array(20_000))).toMatch(/bytes/)
    expect(requestFlaw('shareKeys', new Uint8Array(600_000))).toMatch(/bytes/)
  })

  test('any bytes end in an answer', () => {
    for (let length = 0; length < 400; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, at) => (at * 7919 + length * 104_729) & 0xff)
      for (const method of ['shareKeys', 'uploadMaskedInput']) {
        expect([null, 'string']).toContain(requestFlaw(method, bytes) === null ? null : 'string')
      }
    }
  })

  test('the service refuses before it decodes', () => {
    let decoded = 0
    const { shareKeys } = CoordinatorService
    const counting = {
      ...shareKeys,
      requestDeserialize: (bytes: Buffer) => {
        decoded += 1
        return shareKeys.requestDeserialize(bytes)
      },
    }
    const service = measured({ shareKeys: counting })
    const answer: unknown = service.shareKeys.requestDeserialize(Buffer.from(bomb(3, 200_000)))
    expect(answer).toBeInstanceOf(UndecodedRequest)
    expect(answer).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringMatching(/^malformed: /) })
    expect(decoded).toBe(0)
    service.shareKeys.requestDeserialize(Buffer.from(ShareKeysRequest.encode({ sessionId, deal: undefined }).finish()))
    expect(decoded).toBe(1)
  })
})
