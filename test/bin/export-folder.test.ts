/** An exported folder is there whole or not at all, and never reaches outside itself. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeExport } from '../../bin/export-folder.ts'
import { ConfigError } from '../../shared/errors.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'blindsum-export-'))
})
afterEach(() => rmSync(root, { recursive: true }))

async function* parts(...list: [path: string, text: string, last: boolean][]) {
  for (const [path, text, last] of list) yield { path, data: new TextEncoder().encode(text), last }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'no error'
  } catch (error) {
    return error instanceof ConfigError ? error.code : String(error)
  }
}

describe('writeExport', () => {
  test('writes the files, parts put together', async () => {
    const out = join(root, 'out')
    const stream = parts(['model/model.onnx', 'ab', false], ['', 'cd', true], ['plan.json', '{}', true])
    expect(await writeExport(out, stream)).toBe(2)
    expect(readFileSync(join(out, 'model/model.onnx'), 'utf8')).toBe('abcd')
    expect(readdirSync(root)).toEqual(['out'])
  })

  test.each(['../evil', '/etc/evil', 'a/../../evil', 'a//b', '.', '..', 'a\\b', '', 'a/./b'])(
    'refuses the path %j and leaves nothing behind',
    async (path) => {
      expect(await codeOf(writeExport(join(root, 'out'), parts([path, 'x', true])))).toBe('bad_export')
      expect(readdirSync(root)).toEqual([])
    },
  )

  test('a stream that ends early leaves nothing behind', async () => {
    expect(await codeOf(writeExport(join(root, 'out'), parts(['a', 'x', false])))).toBe('bad_export')
    expect(await codeOf(writeExport(join(root, 'out'), parts()))).toBe('bad_export')
    expect(existsSync(join(root, 'out'))).toBe(false)
    expect(readdirSync(root)).toEqual([])
  })

  test('the same file twice, or a file begun inside another, is refused', async () => {
    expect(await codeOf(writeExport(join(root, 'a'), parts(['a', 'x', false], ['b', 'y', true])))).toBe('bad_export')
    expect(await codeOf(writeExport(join(root, 'b'), parts(['a', 'x', true], ['a', 'y', true])))).toBe('bad_export')
  })

  test('a folder with something in it is never written into', async () => {
    writeFileSync(join(root, 'mine'), 'precious')
    expect(await codeOf(writeExport(root, parts(['a', 'x', true])))).toBe('folder_not_empty')
    expect(readdirSync(root)).toEqual(['mine'])
  })
})
