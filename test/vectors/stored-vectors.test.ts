/** The stored vectors are what the program makes today; a difference is a change of the protocol and needs another label. */
import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { decodeBitmap } from '../../shared/protocol/bitmap.ts'
import bitmaps from './bitmap.json' with { type: 'json' }
import { differences, storedVectors } from './check.ts'
import { makeVectorFiles } from './files.ts'
import { bytes } from './hex.ts'

let made: ReadonlyMap<string, string>
beforeAll(async () => {
  made = await makeVectorFiles()
})

describe('the stored vectors', () => {
  test('are what the program makes', () => {
    expect(differences(made)).toEqual([])
  })

  test('come out the same a second time', async () => {
    expect(await makeVectorFiles()).toEqual(made)
  })

  test('a changed digit, a missing line and a missing file are differences', () => {
    const [first = '', second = '', third = ''] = made.keys()
    const altered = (name: string) => {
      const text = storedVectors(name)
      if (name === first) return text.replace('"sha256": "', '"sha256": "0')
      if (name === second) return text.trimEnd().split('\n').slice(0, -1).join('\n')
      return name === third ? '' : text
    }
    expect(differences(made, altered).map(({ name }) => name)).toEqual([first, second, third])
  })

  test.each(bitmaps.refused)('a bitmap is refused: $why', ({ participants, bitmap }) => {
    expect(decodeBitmap(bytes(bitmap), participants)).toBeNull()
  })

  test('every file of vectors is either generated or says where it is from', () => {
    const folder = new URL('.', import.meta.url)
    for (const name of readdirSync(folder).filter((one) => one.endsWith('.json'))) {
      const { source } = JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
      expect(source, name).toMatch(made.has(name) ? /test\/vectors\/generate\// : /^(RFC|draft|Made once)/)
    }
  })

  test('every tuple that the protocol makes has a vector', () => {
    const folders = [
      'shared/protocol',
      'shared/crypto',
      'shared/vector',
      'participant/protocol',
      'coordinator/protocol',
    ]
    const sources = folders.flatMap((folder) => {
      const path = new URL(`../../${folder}/`, import.meta.url)
      return readdirSync(path).map((name) => readFileSync(new URL(name, path), 'utf8'))
    })
    const labels = new Set(sources.flatMap((text) => text.match(/(?<=')blindsum\/v1\/[a-z-]+(?=')/g) ?? []))
    expect(labels.size).toBeGreaterThan(15)
    const vectors = [...made.values()].join('\n')
    expect([...labels].filter((label) => !vectors.includes(`"label": "${label}"`))).toEqual([])
  })
})
