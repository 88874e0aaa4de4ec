/** `model export` into a folder that holds something: refused before the coordinator is asked, and nothing is left open. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { initAuthority, issueSvid } from '../../shared/authority/authority-folder.ts'
import { runAsProcess } from './run-commands.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-model-export-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('one line, exit 1, no stack', async () => {
  const ca = join(folder, 'ca')
  await initAuthority({ folder: ca, trustDomain: 'demo.example' })
  await issueSvid({ folder: ca, path: '/operator/ada', out: join(folder, 'identity') })
  const where = ['--coordinator', '127.0.0.1:1', '--server-id', 'spiffe://demo.example/coordinator']
  const args = ['model', 'export', 'digits', '--out', ca, ...where, '--identity', join(folder, 'identity')]
  const before = readdirSync(ca)
  const { code, stdout, stderr } = await runAsProcess(args)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^blindsum model export: \S+ is not empty; name a new folder[^\n]*\n$/)
  expect(readdirSync(ca)).toEqual(before)
})

test('a file in the place of the folder is refused in the same way', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, 'x')
  const where = ['--coordinator', '127.0.0.1:1', '--server-id', 'spiffe://demo.example/coordinator']
  const args = ['model', 'export', 'digits', '--out', file, ...where, '--identity', join(folder, 'identity')]
  const { code, stderr } = await runAsProcess(args)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^blindsum model export: \S+ is a file; name a new folder[^\n]*\n$/)
})
