import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { readCoordinatorConfig } from '../../coordinator/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const MINIMAL = {
  dataFolder: './data',
  identity: { certificate: 'svid.pem', privateKey: 'svid.key', trustBundle: 'bundle.json' },
  participants: { listen: '0.0.0.0:7443' },
  operators: { allow: ['spiffe://a.example/operator/ada'] },
  provenance: { key: '/keys/signing.pem' },
}

function read(content: object | string) {
  const file = join(folder, 'coordinator.yaml')
  writeFileSync(file, typeof content === 'string' ? content : stringify(content))
  return readCoordinatorConfig(file)
}

const refused = (code: string, ...words: string[]) =>
  expect.objectContaining({ code, message: expect.stringMatching(words.join('[\\s\\S]*')) })

test('what is left out has a default, and paths are relative to the file', () => {
  expect(read(MINIMAL)).toEqual({
    dataFolder: join(folder, 'data'),
    identity: {
      certificate: join(folder, 'svid.pem'),
      privateKey: join(folder, 'svid.key'),
      trustBundle: join(folder, 'bundle.json'),
    },
    participants: { listen: { host: '0.0.0.0', port: 7443 } },
    operators: { listen: { host: '127.0.0.1', port: 7444 }, allow: ['spiffe://a.example/operator/ada'] },
    provenance: { key: '/keys/signing.pem' },
    limits: {
      planBytes: 1 << 20,
      modelBytes: 1 << 28,
      concurrentUploads: 64,
      checkpointBytes: 512 * 1024 * 1024,
      drainMs: 10_000,
    },
    masks: 'auto',
    shutdownSeconds: 20,
    log: { level: 'info' },
  })
})

test('an address may be IPv6', () => {
  expect(read({ ...MINIMAL, participants: { listen: '[::1]:0' } }).participants.listen).toEqual({
    host: '::1',
    port: 0,
  })
})

test('every problem is told at once, with its path', () => {
  const wrong = {
    ...MINIMAL,
    participants: { listen: 'somewhere' },
    operators: { allow: ['ada'] },
    log: { level: 'loud' },
    colour: 'red',
  }
  expect(() => read(wrong)).toThrow(
    refused(
      'bad_config',
      'participants.listen: not host:port',
      'operators.allow.0: not the SPIFFE ID',
      'log.level',
      'colour',
    ),
  )
})

test('a port is at most 65535', () => {
  expect(() => read({ ...MINIMAL, participants: { listen: 'a:70000' } })).toThrow(refused('bad_config', '65535'))
})

test('nobody may operate by leaving the list out or empty', () => {
  expect(() => read({ ...MINIMAL, operators: {} })).toThrow(refused('bad_config', 'operators.allow'))
  expect(() => read({ ...MINIMAL, operators: { allow: [] } })).toThrow(refused('bad_config', 'operators.allow'))
})

test('a key that stands twice, a file that is no YAML and one that is not there are refused', () => {
  expect(() => read('dataFolder: a\ndataFolder: b\n')).toThrow(refused('bad_config', 'unique'))
  expect(() => read('a: [')).toThrow(refused('bad_config'))
  expect(() => read('')).toThrow(refused('bad_config', 'dataFolder'))
  expect(() => readCoordinatorConfig(join(folder, 'none.yaml'))).toThrow(refused('config_unreadable', 'none.yaml'))
})
