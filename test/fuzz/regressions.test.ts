/** What the fuzzer found, kept: each case as it printed it. */
import { beforeAll, describe, expect, test } from 'vitest'
import { requestFlaw } from '../../coordinator/rpc/request-limits.ts'
import { replyFlaw } from '../../shared/wire/reply-limits.ts'
import { honestCase } from './cases.ts'
import { type Corpus, makeCorpus } from './corpus.ts'
import { execute } from './execute.ts'
import { Finding } from './finding.ts'

let corpus: Corpus
beforeAll(async () => {
  corpus = await makeCorpus()
})

test('honest messages are followed and taken, first and second time', async () => {
  for (const { name, side } of corpus.moments) {
    const once = await execute(corpus, honestCase(name), 1)
    const again = await execute(corpus, { ...honestCase(name), isSecond: true }, 1)
    if (side === 'coordinator') expect([name, once, again]).toEqual([name, 'accepted', 'repeated'])
    else expect(`${name}: ${once}`).toMatch(/said|silent|session_known/)
  }
})

test('every case is the same case again', async () => {
  const { bytesOf, rollCase } = await import('./cases.ts')
  for (let number = 0; number < 50; number += 1) {
    const [one, other] = [rollCase(corpus, 7, number), rollCase(corpus, 7, number)]
    expect(one).toEqual(other)
    if (!one.isResigned) expect(bytesOf(corpus, one)).toEqual(bytesOf(corpus, other))
  }
})

describe('found', () => {
  test('the true U2 of a session in the place of its roster, after it, was taken for a lie', async () => {
    const moment = honestCase('one falls silent/002/down/share-keys after advertised')
    const verdicts = new Set<string>()
    for (let what = 0; what < corpus.moments.length; what += 1) {
      const replaced = { kind: 'replace', at: what, what } as const
      verdicts.add(await execute(corpus, { ...moment, mutations: [replaced], isSecond: true }))
    }
    expect(verdicts).toContain('said contribution')
  })

  test('a time above 2^53 was thrown at by the decoder, without a code', async () => {
    const at = { kind: 'number', at: 0, what: 9 } as const
    expect(await execute(corpus, { ...honestCase('all stay/002/up/advertise-keys'), mutations: [at] })).toBe(
      'malformed',
    )
    expect(
      requestFlaw('uploadMaskedInput', Uint8Array.from([0x0a, 9, 0x10, ...Array(7).fill(0xff), 0x7f])),
    ).not.toBeNull()
  })

  test('both shares of one owner in one oneof: the decoder takes the last', () => {
    const share = [0x12, 2, 1, 1, 0x1a, 2, 2, 2]
    const reveal = [0x12, 4 + share.length, 0x0a, 2 + share.length, 0x08, 1, ...share]
    expect(requestFlaw('revealShares', Uint8Array.from(reveal))).toMatch(/oneof/)
  })

  test('eight megabytes of empty deals became four gigabytes in an agent', () => {
    const bytes = new Uint8Array(8 * 1024 * 1024)
    const inner = bytes.length - 5
    bytes.set([0x42, (inner & 0x7f) | 0x80, ((inner >> 7) & 0x7f) | 0x80, ((inner >> 14) & 0x7f) | 0x80, inner >> 21])
    for (let at = 5; at < bytes.length; at += 2) bytes[at] = 0x12
    expect(replyFlaw('attend', bytes)).toMatch(/fields/)
  })
})

test('a finding is a finding', async () => {
  const moment = { ...honestCase('all stay/002/up/attest-survivors'), isSecond: false }
  const broken = { ...corpus, moments: corpus.moments.map((one) => ({ ...one, honest: corpus.moments[0]?.honest })) }
  await expect(execute(broken as Corpus, moment)).rejects.toBeInstanceOf(Finding)
})
