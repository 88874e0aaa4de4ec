/**
 * The vectors against the second implementation in reference/, which imports nothing of the program: first the reference
 * against the published vectors, then every generated file but the sessions against the reference.
 */
import { describe, expect, test } from 'vitest'
import bitmaps from './bitmap.json' with { type: 'json' }
import contexts from './context.json' with { type: 'json' }
import xchacha from './draft-xchacha-03.json' with { type: 'json' }
import graph from './graph.json' with { type: 'json' }
import { bytes, hex } from './hex.ts'
import keys from './keys.json' with { type: 'json' }
import keystream from './keystream.json' with { type: 'json' }
import packing from './packing.json' with { type: 'json' }
import { chacha20Block, chacha20Keystream, keystreamLanes, xchacha20Poly1305Seal } from './reference/chacha20.ts'
import { interpolateAtZero, inverse, lagrangeAtZero, multiply, shareAt } from './reference/gf65536.ts'
import { ringNeighbours, ringOrder } from './reference/graph.ts'
import { bitmapOf, limbsOf, packedOf, uploadDigestOf } from './reference/lanes.ts'
import { auditPath, treeHash } from './reference/merkle.ts'
import { p256Public, p256Sign } from './reference/p256.ts'
import { digestDescribed, encodeDescribed, graphTuple } from './reference/tuples.ts'
import { hkdfSha256, x25519, x25519Public } from './reference/x25519.ts'
import rfc5869 from './rfc-5869.json' with { type: 'json' }
import rfc6962 from './rfc-6962.json' with { type: 'json' }
import rfc6979 from './rfc-6979.json' with { type: 'json' }
import rfc7748 from './rfc-7748.json' with { type: 'json' }
import rfc8439 from './rfc-8439.json' with { type: 'json' }
import scalars from './scalars.json' with { type: 'json' }
import shamir from './shamir.json' with { type: 'json' }
import { expectShownTuples } from './shown-tuples.ts'
import statements from './statements.json' with { type: 'json' }
import tuples from './tuples.json' with { type: 'json' }
import uploads from './upload-digest.json' with { type: 'json' }

const text = new TextEncoder()

describe('the reference gives the published values', () => {
  test.each(rfc8439.chacha20Blocks)('RFC 8439 $section', ({ key, counter, keystream: block }) => {
    expect(hex(chacha20Block(bytes(key), counter, new Uint8Array(12)))).toBe(block)
  })

  test('draft-irtf-cfrg-xchacha-03 A.3.1', () => {
    const sealed = xchacha20Poly1305Seal({
      key: bytes(xchacha.key),
      nonce: bytes(xchacha.nonce),
      plaintext: text.encode(xchacha.plaintext),
      associatedData: bytes(xchacha.associatedData),
    })
    expect(hex(sealed)).toBe(xchacha.box)
  })

  test.each(rfc7748.scalarMultiplications)('RFC 7748 $section', ({ scalar, u, result }) => {
    expect(hex(x25519(bytes(scalar), bytes(u)))).toBe(result)
  })

  test('RFC 7748 5.2, the first iteration; 6.1', () => {
    const { start, after1 } = rfc7748.iterated
    expect(hex(x25519(bytes(start), bytes(start)))).toBe(after1)
    const { aliceSecret, alicePublic, bobPublic, shared } = rfc7748.diffieHellman
    expect(hex(x25519Public(bytes(aliceSecret)))).toBe(alicePublic)
    expect(hex(x25519(bytes(aliceSecret), bytes(bobPublic)))).toBe(shared)
  })

  test.each(rfc5869.hkdfSha256)('RFC 5869 $section', ({ secret, salt, info, output }) => {
    const input = { secret: bytes(secret), salt: bytes(salt), info: bytes(info), lengthBytes: output.length / 2 }
    expect(hex(hkdfSha256(input))).toBe(output)
  })

  test('RFC 6962 2.1', () => {
    const { entries, rootsBySize, auditPaths } = rfc6962
    for (const [size, root] of rootsBySize.entries()) expect(treeHash(entries.slice(0, size))).toBe(root)
    for (const { index, size, path } of auditPaths) expect(auditPath(index, entries.slice(0, size))).toEqual(path)
  })

  test.each(rfc6979.signatures)('RFC 6979 A.2.5 $message', ({ message, signature }) => {
    expect(hex(p256Public(bytes(rfc6979.secretKey)))).toBe(`03${rfc6979.x}`)
    expect(hex(p256Sign(bytes(rfc6979.secretKey), text.encode(message)))).toBe(signature)
  })
})

describe('the reference gives the generated values', () => {
  test.each([
    ['tuples.json', tuples, 5],
    ['context.json', contexts, 2],
    ['statements.json', statements, 17],
    ['keys.json', keys, 7],
    ['graph.json', graph, 1],
  ])('%s: every tuple from its fields', (_, file, count) => {
    expect(expectShownTuples(file)).toBe(count)
  })

  test('keys.json: agreed, derived and sealed', () => {
    const { u, v, agreed, rosterDigest } = keys
    expect(hex(x25519Public(bytes(u.secretKey)))).toBe(u.publicKey)
    expect(hex(x25519Public(bytes(v.secretKey)))).toBe(v.publicKey)
    expect(hex(x25519(bytes(u.secretKey), bytes(v.publicKey)))).toBe(agreed)
    const derived = (secret: string, info: string) =>
      hex(hkdfSha256({ secret: bytes(secret), salt: bytes(rosterDigest), info: bytes(info), lengthBytes: 32 }))
    for (const { info, key } of [...keys.shareKeys, ...keys.pairwiseMaskKeys]) {
      expect(derived(agreed, info.encoded)).toBe(key)
    }
    for (const { seed, info, key } of keys.selfMaskKeys) expect(derived(seed, info.encoded)).toBe(key)
    for (const one of keys.sealedShares) {
      const box = xchacha20Poly1305Seal({
        key: bytes(one.key),
        nonce: bytes(one.nonce),
        plaintext: bytes(one.selfSeedShare + one.maskKeyShare),
        associatedData: bytes(one.associatedData.encoded),
      })
      expect(one.nonce + hex(box)).toBe(one.ciphertext)
    }
  })

  test('keystream.json: lanes of both widths', () => {
    expect(hex(chacha20Keystream(bytes(keystream.masks[0]!.key), 64))).toBe(keystream.block0)
    for (const { key, offsetLanes, lanes16, lanes32 } of keystream.masks) {
      const end = offsetLanes + lanes16.length
      expect(keystreamLanes(bytes(key), 16, end).slice(offsetLanes)).toEqual(lanes16)
      expect(keystreamLanes(bytes(key), 32, end).slice(offsetLanes)).toEqual(lanes32)
    }
    const { key, lanes16, lanes32 } = keystream.zeroKey
    expect(keystreamLanes(bytes(key), 16, 8)).toEqual(lanes16)
    expect(keystreamLanes(bytes(key), 32, 8)).toEqual(lanes32)
  })

  test('shamir.json: field, shares and reconstruction', () => {
    for (const { a, b, product } of shamir.products) expect(multiply(a, b)).toBe(product)
    for (const { a, inverse: inverted } of shamir.inverses) {
      expect(inverse(a)).toBe(inverted)
      expect(multiply(a, inverted)).toBe(1)
    }
    for (const { coefficients, shares, reconstructed } of shamir.splits) {
      for (const { holder, share } of shares) expect(hex(shareAt(coefficients.map(bytes), holder))).toBe(share)
      const { holders, lagrange, secret } = reconstructed
      expect(lagrangeAtZero(holders)).toEqual(lagrange)
      const held = shares.filter(({ holder }) => holders.includes(holder))
      expect(hex(interpolateAtZero(held.map(({ holder, share }) => ({ holder, share: bytes(share) }))))).toBe(secret)
      expect(secret).toBe(coefficients[0])
    }
  })

  test('graph.json: the ring and the neighbours on it', () => {
    const { contextDigest, rosterDigest, seed, graphs } = graph
    expect(digestDescribed(graphTuple({ contextDigest, rosterDigest }))).toBe(seed.sha256)
    for (const { participants, neighbours, order, neighboursOf } of graphs) {
      expect(ringOrder(seed.sha256, participants).order).toEqual(order)
      for (const one of neighboursOf) {
        expect(order[one.place]).toBe(one.index)
        expect(ringNeighbours(order, one.index, neighbours)).toEqual(one.neighbours)
        expect([...one.neighbours, one.index].sort((a, b) => a - b)).toEqual(one.holders)
      }
    }
  })

  test('bitmap.json, packing.json, scalars.json, upload-digest.json', () => {
    for (const { participants, indices, bitmap } of bitmaps.bitmaps) {
      expect(bitmapOf(indices, participants)).toBe(bitmap)
    }
    expect(packing.cases.map(({ modulusBits }) => modulusBits)).toEqual(Array.from({ length: 25 }, (_, m) => m + 8))
    for (const { lanes, modulusBits, packed } of packing.cases) expect(packedOf(lanes, modulusBits)).toBe(packed)
    for (const { value, fractionBits, integer } of scalars.fixedPoint) {
      expect(String(Math.floor(value * 2 ** fractionBits + 0.5))).toBe(integer)
    }
    for (const { inputBits, modulusBits, cases } of scalars.layouts) {
      for (const { integer, limbs } of cases) expect(limbsOf(BigInt(integer), inputBits, modulusBits)).toEqual(limbs)
    }
    for (const { lengthBytes, digest } of uploads.cases) {
      expect(uploadDigestOf(Uint8Array.from({ length: lengthBytes }, (_, at) => 7 * at + 3))).toBe(digest)
    }
  })
})

describe('what a reader has to check beside the values', () => {
  test('tuples whose fields hold the same bytes differ in their encoding', () => {
    expect(tuples.tuples[3]!.encoded).not.toBe(tuples.tuples[4]!.encoded)
    expect(encodeDescribed({ label: 'ab', fields: [{ name: 'c', text: 'c' }] })).toBe('000261620000000163')
  })
})
