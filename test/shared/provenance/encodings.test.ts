/** Bundles, statements and session records: what is written is read back the same, anything else is refused in words. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHex, encodeHex } from '../../../shared/crypto/digest.ts'
import { canonicalJson } from '../../../shared/plan/plan-document.ts'
import { buildStatement } from '../../../shared/provenance/build-statement.ts'
import { decodeBundle, encodeBundle } from '../../../shared/provenance/bundle.ts'
import { preAuthEncoding } from '../../../shared/provenance/dsse.ts'
import { chainPath, exportPaths, isAccountedFor, sessionPath } from '../../../shared/provenance/export-layout.ts'
import { readStatement } from '../../../shared/provenance/read-statement.ts'
import { decodeSessionRecord } from '../../../shared/provenance/session-record-file.ts'
import { encodeStatement, type Statement } from '../../../shared/provenance/statement.ts'
import { firstVersion, laterVersion } from './version-records.ts'

const text = new TextEncoder()
type Json = Record<string, unknown>

/** Sets the field at a path of keys; undefined removes it. */
function withField(json: unknown, path: string, value: unknown): Uint8Array {
  const copy = JSON.parse(JSON.stringify(json)) as Json
  const keys = path.split('.')
  const last = keys.pop()!
  const parent = keys.reduce<Json>((object, key) => object[key] as Json, copy)
  if (value === undefined) delete parent[last]
  else parent[last] = value
  return text.encode(canonicalJson(copy))
}

describe('DSSE', () => {
  test('encodes the example of the specification', () => {
    // DSSE v1.0.2, protocol.md, test vector: payload type "http://example.com/HelloWorld", payload "hello world".
    const encoded = preAuthEncoding('http://example.com/HelloWorld', text.encode('hello world'))
    expect(new TextDecoder().decode(encoded)).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world')
  })

  test('counts bytes, not characters', () => {
    const encoded = preAuthEncoding('ü', text.encode('é'))
    expect(encodeHex(encoded)).toBe(encodeHex(text.encode('DSSEv1 2 ü 2 é')))
  })
})

describe('a bundle', () => {
  const bundle = {
    keyHint: 'ab'.repeat(32),
    envelope: {
      payloadType: 'application/vnd.in-toto+json',
      payload: text.encode('{}'),
      signature: decodeHex('3006020101020101')!,
    },
  } as const
  const json = JSON.parse(new TextDecoder().decode(encodeBundle(bundle)))

  test('is read back', () => {
    expect(decodeBundle(encodeBundle(bundle))).toEqual({ ok: true, value: bundle })
  })

  test.each<[string, string, unknown]>([
    ['another media type', 'mediaType', 'application/vnd.dev.sigstore.bundle.v0.2+json'],
    ['a key id', 'dsseEnvelope.signatures.0.keyid', 'ab'],
    ['no signature', 'dsseEnvelope.signatures', []],
    ['two signatures', 'dsseEnvelope.signatures', [...json.dsseEnvelope.signatures, ...json.dsseEnvelope.signatures]],
    ['another payload type', 'dsseEnvelope.payloadType', 'text/plain'],
    ['a log entry', 'verificationMaterial.tlogEntries', [{}]],
    ['a certificate', 'verificationMaterial.certificate', { rawBytes: 'AA==' }],
    ['no hint', 'verificationMaterial.publicKey', {}],
    ['a field of its own', 'extra', 1],
    ['base64 that is none', 'dsseEnvelope.payload', '{{{{'],
    ['base64 without its padding', 'dsseEnvelope.payload', 'e30'],
    ['base64 with stray bits', 'dsseEnvelope.payload', 'e31='],
  ])('with %s is refused', (_, path, value) => {
    expect(decodeBundle(withField(json, path, value)).ok).toBe(false)
  })

  test.each([
    ['with white space', (file: string) => file.replace(':', ': ')],
    ['with a byte order mark', (file: string) => `\ufeff${file}`],
    ['with a final newline', (file: string) => `${file}\n`],
    ['with a key twice', (file: string) => file.replace('{"', '{"mediaType":"x","')],
    ['deeply nested', () => '['.repeat(100_000)],
  ])('%s is refused', (_, change) => {
    expect(decodeBundle(text.encode(change(new TextDecoder().decode(encodeBundle(bundle))))).ok).toBe(false)
  })

  test('of any bytes is refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decodeBundle(bytes).ok || decodeSessionRecord(bytes).ok || readStatement(bytes).ok).toBe(false)
      }),
    )
  })
})

describe('a statement', () => {
  const json: Statement = buildStatement(laterVersion())

  test.each([firstVersion(), laterVersion()])('of version $version is read back', (record) => {
    expect(readStatement(encodeStatement(buildStatement(record)))).toEqual({ ok: true, value: record })
  })

  const definition = 'predicate.buildDefinition'
  test.each<[string, string, unknown]>([
    ['another type', '_type', 'https://in-toto.io/Statement/v0.1'],
    ['another predicate type', 'predicateType', 'https://slsa.dev/provenance/v0.2'],
    ['another build type', `${definition}.buildType`, 'https://example.com'],
    ['no subject', 'subject', []],
    ['two subjects', 'subject', [...json.subject, ...json.subject]],
    ['a subject elsewhere', 'subject.0.name', '../model.onnx'],
    ['a parameter of its own', `${definition}.externalParameters.extra`, 1],
    ['another version', `${definition}.externalParameters.version`, 4],
    ['version 0 with parents', `${definition}.externalParameters.version`, 0],
    ['no session', `${definition}.internalParameters.session`, null],
    ['no dependencies', `${definition}.resolvedDependencies`, []],
    ['parents of two versions', `${definition}.resolvedDependencies.1.annotations.version`, 1],
    ['a parent without a version', `${definition}.resolvedDependencies.0.annotations`, undefined],
    ['a plan with a version', `${definition}.resolvedDependencies.2.annotations`, { version: 2 }],
    ['a dependency out of order', `${definition}.resolvedDependencies.3.name`, 'plan'],
    ['another run id', `${definition}.internalParameters.runId`, 'run-2'],
    ['a builder without a path', 'predicate.runDetails.builder.id', 'spiffe://blindsum.example'],
    ['a day no calendar has', 'predicate.runDetails.metadata.startedOn', '2026-02-30T00:00:00.000Z'],
    ['a metric bent', 'predicate.runDetails.byproducts.0.annotations.examples', 1201],
  ])('with %s is refused', (_, path, value) => {
    const bytes = withField(json, path, value)
    const read = readStatement(bytes)
    expect(read.ok).toBe(false)
  })
})

describe('the layout', () => {
  test('names versions with at least four digits', () => {
    expect([chainPath(0), chainPath(12_345), sessionPath(7)]).toEqual([
      'chain/0000.sigstore.json',
      'chain/12345.sigstore.json',
      'sessions/0007.json',
    ])
  })

  test('lists every file of an export', () => {
    expect(exportPaths(0)).toEqual(['model/model.onnx', 'provenance.sigstore.json', 'plan.json'])
    expect(exportPaths(2).slice(3)).toEqual([
      'chain/0000.sigstore.json',
      'chain/0001.sigstore.json',
      'sessions/0001.json',
      'sessions/0002.json',
    ])
    expect(['model/x', 'chain/x', 'sessions/x'].every(isAccountedFor)).toBe(true)
    expect(['README.md', 'plan.json', 'models/x'].some(isAccountedFor)).toBe(false)
  })
})
