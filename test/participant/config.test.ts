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
data: { default: { format: csv, path: examples.csv } }
policy: policy.yaml
`
const POLICY = 'planAuthors: [spiffe://a.example/author/*]\n'

function read(text: string, policy = POLICY) {
  const file = join(folder, 'participant.yaml')
  writeFileSync(file, text)
  writeFileSync(join(folder, 'policy.yaml'), policy)
  return readParticipantConfig(file)
}

function problemsOf(text: string, policy = POLICY): readonly string[] {
  try {
    read(text, policy)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
  }
  return []
}

describe('a good configuration', () => {
  test('gets its defaults and absolute paths', () => {
    const config = read(GOOD)
    expect(config.dataFolder).toBe(join(folder, 'data'))
    expect(config.data).toMatchObject({
      default: { format: 'csv', path: join(folder, 'examples.csv'), holdOut: 0.2, seed: 1 },
    })
    expect(config.policy).toMatchObject({ minimumCohort: 3, sessionsPerModel: 2, allowSemiHonest: false })
    expect(config.training).toEqual({ threads: 1, memoryMiB: 4096, wallClockSeconds: 3600, checkpointSeconds: 30 })
    expect(config.log.level).toBe('info')
    expect(identityFiles(config)).toEqual({
      certificate: join(folder, 'svid.pem'),
      privateKey: join(folder, 'svid.key'),
      trustBundle: join(folder, 'bundle.json'),
    })
  })

  test('names two files for arrays', () => {
    const config = read(GOOD.replace('} }', '}, scans: { format: npy, features: x.npy, labels: /y.npy } }'))
    expect(Object.keys(config.data)).toEqual(['default', 'scans'])
    expect(config.data.scans).toMatchObject({ features: join(folder, 'x.npy'), labels: '/y.npy' })
  })
})

describe('a bad configuration is refused', () => {
  test('with every problem at once and the field of each', () => {
    const problems = problemsOf(`
dataFolder: data
identity: { certificate: svid.pem, trustBundle: bundle.json, pasword: x }
coordinator: { address: nowhere, spiffeId: https://a.example }
data: { default: { format: csv, path: examples.csv, holdOut: 1 }, Bad_name: { format: csv, path: x.csv } }
policy: { minimumCohort: 1 }
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
      'Bad_name',
      'the policy is a file of its own',
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
    ['a data set without a name', GOOD.replace('default: { format: csv, path: examples.csv }', 'format: csv, path: a')],
    ['no data set', GOOD.replace('default: { format: csv, path: examples.csv }', '')],
    ['no policy', GOOD.replace('policy: policy.yaml', '')],
  ])('%s', (_what, text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0)
  })

  test('when there is no policy file', () => {
    const text = GOOD.replace('policy.yaml', 'absent.yaml')
    expect(() => read(text)).toThrowError(expect.objectContaining({ code: 'config_unreadable' }))
    expect(problemsOf(text).join()).toContain('give the path of a policy file')
  })

  test('when the file is not there', () => {
    expect(() => readParticipantConfig(join(folder, 'absent.yaml'))).toThrowError(
      expect.objectContaining({ code: 'config_unreadable' }),
    )
  })
})

describe('a policy that disagrees with the configuration is refused', () => {
  const refusal = (policy: string) => expect(() => read(GOOD, `${POLICY}${policy}\n`))

  test('another coordinator than it permits', () => {
    refusal('coordinators: [spiffe://a.example/other]').toThrowError(
      expect.objectContaining({ code: 'coordinator_not_permitted' }),
    )
    refusal('coordinators: [spiffe://a.example/*]').not.toThrow()
  })

  test('a data set that the site does not have', () => {
    refusal('dataSets: [default, scans]').toThrowError(
      expect.objectContaining({ code: 'data_set_unknown', message: expect.stringContaining('"scans"') }),
    )
    refusal('dataSets: [default]').not.toThrow()
  })
})
