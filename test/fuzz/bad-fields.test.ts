/**
 * Every field of every message that crosses the wire, with every bad value there is for its type: refused with a code,
 * before or in the core. The fields are read from the .proto files, so that a new one without a row fails here.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { type FieldRule, messageFlaw, type Shape } from '../../shared/wire/message-scan.ts'
import { replyFlaw } from '../../shared/wire/reply-limits.ts'
import { REPLY_SHAPES, REQUEST_SHAPES } from '../../shared/wire/shapes.ts'
import { ANY_VALUE, BAD_FIELDS } from './bad-fields-table.ts'
import { type FieldPath, malformedClasses, meaningClasses, nameOf, pathsIn } from './bad-values.ts'
import { REQUEST_MESSAGES } from './bombs.ts'
import { type Corpus, makeCorpus } from './corpus.ts'
import { judge, judgeBytes, momentsFor } from './judge.ts'
import { type FieldSchema, SCHEMA } from './schema.ts'

let corpus: Corpus
beforeAll(async () => {
  corpus = await makeCorpus()
})

const ROOTS = [...Object.values(REQUEST_MESSAGES), 'Instruction']
const PATHS = ROOTS.flatMap((root) => pathsIn(root))
/** What an agent reads of a reply beside the instruction is judged by the callers' own tests; here only its shape. */
const REPLY_MESSAGES: Readonly<Record<string, string>> = {
  hello: 'HelloReply',
  attend: 'Instruction',
  download: 'DownloadChunk',
  reportReady: 'Accepted',
  advertiseKeys: 'Accepted',
  shareKeys: 'Accepted',
  reportNoShare: 'Accepted',
  uploadStatus: 'UploadProgress',
  uploadMaskedInput: 'UploadProgress',
  attestSurvivors: 'Accepted',
  revealShares: 'Accepted',
  withdraw: 'Accepted',
}

/** `code: class, class; code: class` as a code per class. */
function codesOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('; ').flatMap((part) => {
      const [code = '', classes = ''] = part.split(': ')
      return classes.split(', ').map((badClass) => [badClass, code] as const)
    }),
  )
}

const fieldOf = (path: FieldPath) => path.fields.at(-1) as FieldSchema

test('every message is reached from a request or a reply, and every field has a row', () => {
  const reached = new Set([...ROOTS, ...Object.values(REPLY_MESSAGES)])
  const replies = Object.values(REPLY_MESSAGES).flatMap((root) => pathsIn(root))
  for (const { fields } of [...PATHS, ...replies]) for (const { type } of fields) reached.add(type)
  expect([...SCHEMA.keys()].filter((name) => !reached.has(name))).toEqual([])
  const rows = [...Object.keys(BAD_FIELDS), ...ANY_VALUE].sort()
  expect(PATHS.map(nameOf).sort()).toEqual(rows)
})

describe('the shapes are those of the files', () => {
  const ruleOf = ({ type, isRepeated, isInOneof }: FieldSchema): FieldRule => {
    const isNumber = type === 'uint32' || type === 'uint64' || type === 'bool'
    const kind = SCHEMA.has(type) ? shapeOf(type) : isNumber ? type : 'opaque'
    return { kind, times: isInOneof ? 'oneof' : isRepeated ? 'many' : 'once' }
  }
  const shapeOf = (message: string): Shape =>
    Object.fromEntries((SCHEMA.get(message) ?? []).map((field) => [field.number, ruleOf(field)]))

  test.each(Object.entries(REQUEST_MESSAGES))('%s', (method, message) => {
    expect(REQUEST_SHAPES[method]).toEqual(shapeOf(message))
  })
  test.each(Object.entries(REPLY_MESSAGES))('reply to %s', (method, message) => {
    expect(REPLY_SHAPES[method]).toEqual(shapeOf(message))
  })
})

describe('no encoder writes it: malformed', () => {
  test.each(PATHS.map((path) => [nameOf(path), path] as const))('%s', async (_, path) => {
    for (const badClass of malformedClasses(fieldOf(path))) {
      const verdict = await judge(corpus, path, { badClass, isSigned: false })
      // A field that no honest message has on the wire can only be given a number.
      if (verdict !== null) expect(`${badClass}: ${verdict}`).toBe(`${badClass}: malformed`)
    }
  })

  test.each(ROOTS)('%s with bytes after its end, or without its last', async (root) => {
    const moments = momentsFor(corpus, { root })
    expect(moments.length).toBeGreaterThan(0)
    for (const moment of moments) {
      for (const tail of [[0], [0xff], [0x0a], [0x12, 0x7f], [0x0b], [0x0c], [0x0f]]) {
        expect(await judgeBytes(corpus, moment, (bytes) => Uint8Array.from([...bytes, ...tail]))).toBe('malformed')
      }
      expect(await judgeBytes(corpus, moment, (bytes) => bytes.slice(0, -1))).toBe('malformed')
    }
  })
})

describe('what it means is refused', () => {
  test.each(PATHS.filter((path) => nameOf(path) in BAD_FIELDS).map((path) => [nameOf(path), path] as const))(
    '%s',
    async (name, path) => {
      const [byAnybody, bySender = ''] = BAD_FIELDS[name] ?? ['']
      const anybody = codesOf(byAnybody)
      const sender = new Map([...anybody, ...codesOf(bySender)])
      const field = fieldOf(path)
      for (const badClass of meaningClasses(field)) {
        const verdict = await judge(corpus, path, { badClass, isSigned: false })
        expect(`${badClass}: ${verdict}`).toBe(`${badClass}: ${anybody.get(badClass) ?? null}`)
        if (verdict === null || field.name === 'signature') continue
        const signed = await judge(corpus, path, { badClass, isSigned: true })
        expect(`signed, ${badClass}: ${signed}`).toBe(`signed, ${badClass}: ${sender.get(badClass)}`)
      }
    },
  )
})

describe('a reply that is none', () => {
  test.each(Object.keys(REPLY_MESSAGES))('%s', (method) => {
    expect(replyFlaw(method, new Uint8Array(0))).toBeNull()
    for (const bytes of [[0], [0x0b, 0x0c], [0x0a, 0x01], [0x08], [0x78, 0x80], [0xff]]) {
      expect(replyFlaw(method, Uint8Array.from(bytes))).not.toBeNull()
    }
  })

  test('numbers too large, and a number twice', () => {
    const large = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]
    expect(replyFlaw('uploadStatus', Uint8Array.from([0x08, ...large]))).toMatch(/above/)
    expect(replyFlaw('uploadStatus', Uint8Array.from([0x08, 1, 0x08, 2]))).toMatch(/once more/)
    expect(replyFlaw('uploadStatus', Uint8Array.from([0x08, 1, 0x10, 1]))).toBeNull()
    expect(replyFlaw('uploadStatus', Uint8Array.from([0x10, 2]))).toMatch(/above/)
  })

  test('fields of a later version are stepped over, but counted', () => {
    expect(messageFlaw(Uint8Array.from([0x78, 1, 0xfa, 0x01, 1, 0]), {}, 2)).toBeNull()
    expect(messageFlaw(Uint8Array.from([0x78, 1, 0x78, 1, 0x78, 1]), {}, 2)).toMatch(/more than 2 fields/)
  })
})
