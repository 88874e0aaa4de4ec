import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { participantConfigFile } from '../../participant/config.ts'
import { startParticipant } from '../../participant/main.ts'
import { policyFile } from '../../participant/policy/policy-file.ts'
import { certificatesToPem } from '../../shared/identity/pem.ts'
import { encodeTrustBundle } from '../../shared/identity/trust-bundle.ts'
import { lockFolder } from '../../shared/runtime/folder-lock.ts'
import type { WorkloadIdentity } from '../../shared/transport/identity-source.ts'
import { bundle, identityOf, NORTH_ID, SERVER_ID } from '../shared/transport/hello.ts'
import { logLines } from './log-lines.ts'
import { closeScripted, idleBecause, startScripted } from './scripted-coordinator.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'participant-'))
})
afterEach(async () => {
  rmSync(folder, { recursive: true })
  await closeScripted()
})

function writeIdentity({ chain, privateKey }: WorkloadIdentity): void {
  writeFileSync(join(folder, 'svid.pem'), certificatesToPem(chain))
  writeFileSync(join(folder, 'svid.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  writeFileSync(join(folder, 'bundle.json'), encodeTrustBundle(bundle))
}

/** Starts an agent with the real trainer; nothing is trained here. */
function start(options: { address?: string; drill?: string; trustDomain?: string; planAuthor?: string } = {}) {
  const { address = '127.0.0.1:1', drill, trustDomain, planAuthor = 'spiffe://a.example/author/*' } = options
  const inFolder = (name: string) => join(folder, name)
  const identity = {
    certificate: inFolder('svid.pem'),
    privateKey: inFolder('svid.key'),
    trustBundle: inFolder('bundle.json'),
  }
  const written = participantConfigFile.parse({
    dataFolder: inFolder('data'),
    identity: { ...identity, trustDomain },
    coordinator: { address, spiffeId: SERVER_ID },
    data: { default: { format: 'csv', path: inFolder('none.csv') } },
    policy: 'given below',
  })
  const config = { ...written, policy: policyFile.parse({ planAuthors: [planAuthor] }) }
  const stop = new AbortController()
  const output = logLines()
  const request = { config, log: output.log, stop: stop.signal }
  const done = startParticipant(drill === undefined ? request : { ...request, drill })
  return { ...output, done, stop }
}

test('an agent starts, attends, and ends when it is asked to, leaving its folder free', async () => {
  writeIdentity(identityOf(NORTH_ID))
  const { address } = await startScripted({ attend: (call) => call.write(idleBecause('wait')) })
  for (const _again of [1, 2]) {
    const agent = start({ address })
    await agent.until(({ msg }) => msg === 'participant started')
    await agent.until(({ msg, reason }) => msg === 'idle' && reason === 'wait')
    agent.stop.abort()
    await agent.done
    expect(agent.lines().at(-1)?.msg).toBe('participant stopped')
  }
})

describe('refuses to start, and says what to mend', () => {
  const cases: [string, () => void, Parameters<typeof start>[0]][] = [
    ['folder_in_use', () => lockFolder(join(folder, 'data'), 'participant'), {}],
    ['folder_unusable', () => writeFileSync(join(folder, 'data'), 'a file'), {}],
    ['identity_file_unreadable', () => rmSync(join(folder, 'svid.pem')), {}],
    [
      'certificate_expired',
      () => writeIdentity(identityOf(NORTH_ID, { spec: { notAfter: new Date(Date.now() - 2000) } })),
      {},
    ],
    ['certificate_trust_domain_wrong', () => {}, { trustDomain: 'b.example' }],
    ['plan_authors_foreign', () => {}, { planAuthor: 'spiffe://b.example/author/*' }],
    ['address_invalid', () => {}, { address: 'host:99999' }],
    ['bad_drill', () => {}, { drill: 'hold-before-lunch@1' }],
    ['journal_unusable', () => spoilJournal(), {}],
    ['folder_open_to_all', () => makeFolder(0o757), {}],
    ['kept_not_erased', () => mkdirSync(join(folder, 'data', 'update.kept'), { recursive: true }), {}],
    ['kept_not_erased', () => mkdirSync(join(folder, 'data', 'training.checkpoint'), { recursive: true }), {}],
  ]
  test.each(cases)('%s', async (code, spoil, options) => {
    writeIdentity(identityOf(NORTH_ID))
    spoil()
    const refusal = await start(options).done.catch((error: unknown) => error)
    expect(refusal).toMatchObject({ name: 'ConfigError', code })
    expect((refusal as Error).message.length).toBeGreaterThan(20)
  })
})

test('a data folder that its group can write is a line in the log', async () => {
  writeIdentity(identityOf(NORTH_ID))
  makeFolder(0o770)
  const agent = start()
  await agent.until(({ level, code }) => level === 'warn' && code === 'folder_open_to_group')
  agent.stop.abort()
  await agent.done
})

function makeFolder(mode: number): void {
  mkdirSync(join(folder, 'data'))
  // Not less whatever the umask.
  chmodSync(join(folder, 'data'), mode)
}

function spoilJournal(): void {
  mkdirSync(join(folder, 'data'))
  writeFileSync(join(folder, 'data', 'journal.sqlite'), 'x'.repeat(8192))
}
