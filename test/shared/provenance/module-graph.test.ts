/**
 * What `blindsum verify` loads, read from the import statements of every module it reaches: neither the network nor the
 * training stack, nothing of the coordinator or of a participant, and no part of how statements are made.
 */
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = resolve('.')
const IMPORT = /^\s*(?:import|export)\s(?:[^'"]*?\sfrom\s)?\s*['"]([^'"]+)['"]/gm
const TYPE_ONLY = /^\s*(?:import|export)\s+type\s/
const DYNAMIC = /\bimport\s*\(|\brequire\s*\(|\bcreateRequire\b/

/** Modules of ours and packages that `entry` reaches when it runs; types are erased and load nothing. */
function reachedFrom(entry: string) {
  const files = new Set<string>()
  const packages = new Set<string>()
  const pending = [resolve(entry)]
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (files.has(file)) continue
    files.add(file)
    const source = readFileSync(file, 'utf8')
    expect(DYNAMIC.test(source.replace(/^\s*(\*|\/\/|\/\*).*$/gm, '')), `${file} imports at run time`).toBe(false)
    for (const [statement, target = ''] of source.matchAll(IMPORT)) {
      if (TYPE_ONLY.test(statement)) continue
      if (target.startsWith('.')) pending.push(resolve(dirname(file), target))
      else packages.add(target)
    }
  }
  return { files: [...files].map((file) => relative(ROOT, file)).sort(), packages: [...packages].sort() }
}

test('verify loads no network, no training stack and nothing of the signer', () => {
  const { files, packages } = reachedFrom('bin/commands/verify.ts')
  expect(files).toContain('shared/provenance/verify/verify-version.ts')
  expect(files).toContain('shared/identity/validate-svid.ts')
  const foreign = files.filter((file) => !/^(bin|shared)\//.test(file))
  expect(foreign).toEqual([])
  const wired = files.filter((file) => /^shared\/(wire|transport|masks|onnx|authority)\//.test(file))
  expect(wired).toEqual([])
  expect(files).not.toContain('shared/provenance/build-statement.ts')
  const outside = packages.filter((name) => !name.startsWith('node:'))
  expect(outside).toEqual(['@peculiar/asn1-schema', '@peculiar/asn1-x509', 'zod'])
  const builtin = packages.filter((name) => name.startsWith('node:'))
  expect(
    builtin.filter((name) => /^node:(net|tls|http|https|http2|dgram|dns|child_process|worker_threads)/.test(name)),
  ).toEqual([])
  expect(builtin.every((name) => builtinModules.includes(name.slice(5)))).toBe(true)
})

test('the signer loads nothing of the verifier', () => {
  const { files } = reachedFrom('coordinator/provenance/signer.ts')
  expect(files).toContain('shared/provenance/build-statement.ts')
  expect(files.filter((file) => file.startsWith('shared/provenance/verify/'))).toEqual([])
  expect(files).not.toContain('shared/provenance/read-statement.ts')
})

test('the pure part touches neither files, network, processes nor clocks', () => {
  const { files } = reachedFrom('shared/provenance/verify/verify-version.ts')
  for (const file of files) {
    const source = readFileSync(file, 'utf8')
    const builtin = [...source.matchAll(IMPORT)]
      .map(([, target = '']) => target)
      .filter((name) => name.startsWith('node:'))
    expect(
      builtin.filter((name) => name !== 'node:crypto'),
      file,
    ).toEqual([])
    expect(/\bDate\.now\(|\bconsole\.|\bprocess\./.test(source), file).toBe(false)
  }
})
