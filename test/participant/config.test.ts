import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { identityFiles, readParticipantConfig } from '../../participant/config.ts'
import { ConfigError } from '../../shared/errors.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'participant-config-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const GOOD = `
dataFolder: data
identity: { certificate: svid.pem, privateKey: svid.key, trustBundle: bundle.json }
coordinator: { address: '127.0.0.1:7443', spiffeId: spiffe://a.example/coordinator }
data: { format: csv, path: examples.csv }
`

function read(text: string) {
  const file = join(folder, 'participant.yaml')
  writeFileSync(file, text)
  return readParticipantConfig(file)
}

function problemsOf(text: string): readonly string[] {
  try {
    read(text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
  }
  return []
}

describe('a good configuration', () => {
  test('gets its defaults and absolute paths', () => {
    const config = read(GOOD)
    expect(config.dataFolder).toBe(join(folder, 'data'))
    expect(config.data).toMatchObject({ format: 'csv', path: join(folder, 'examples.csv'), holdOut: 0.2, seed: 1 })
    expect(config.policy).toMatchObject({ minimumCohort: 3, sessionsPerModel: 2, allowSemiHonest: false })
    expect(config.training).toEqual({ threads: 1, memoryMiB: 4096, wallClockSeconds: 3600 })
    expect(config.log.level).toBe('info')
    expect(identityFiles(config)).toEqual({
      certificate: join(folder, 'svid.pem'),
      privateKey: join(folder, 'svid.key'),
      trustBundle: join(folder, 'bundle.json'),
    })
  })

  test('names two files for arrays', () => {
    const config = read(
      GOOD.replace('{ format: csv, path: examples.csv }', '{ format: npy, features: x.npy, labels: /y.npy }'),
    )
    expect(config.data).toMatchObject({ features: join(folder, 'x.npy'), labels: '/y.npy' })
  })
})

describe('a bad configuration is refused', () => {
  test('with every problem at once and the field of each', () => {
    const problems = problemsOf(`
dataFolder: data
identity: { certificate: svid.pem, trustBundle: bundle.json, pasword: x }
coordinator: { address: nowhere, spiffeId: https://a.example }
data: { format: csv, path: examples.csv, holdOut: 1 }
policy: { minimumCohort: 1, peers: [everybody] }
training: { threads: 0 }
unknown: 1
`)
    const all = problems.join('\n')
    for (const field of [
      'privateKey',
      'pasword',
      'address',
      'spiffeId',
      'holdOut',
      'minimumCohort',
      'peers',
      'threads',
      'unknown',
    ]) {
      expect(all).toContain(field)
    }
  })

  test.each([
    ['a key that stands twice', `${GOOD}\ndataFolder: other\n`],
    ['what is not YAML', 'dataFolder: [\n'],
    ['nothing at all', ''],
    ['an unknown data format', GOOD.replace('format: csv', 'format: xls')],
    ['a policy below the floor', `${GOOD}\npolicy: { minimumCohort: 1 }\n`],
  ])('%s', (_what, text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0)
  })

  test('when the file is not there', () => {
    expect(() => readParticipantConfig(join(folder, 'absent.yaml'))).toThrowError(
      expect.objectContaining({ code: 'config_unreadable' }),
    )
  })
})
