/**
 * What a participant does with an instruction it has heard before, and after its process was killed: the journal is all
 * that is left then, and it lets the agent repeat one recorded reply and nothing else.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { advertiseKeys, answerAfterRestart, leave } from '../../../participant/protocol/session.ts'
import type { Instruction } from '../../../shared/protocol/messages.ts'
import {
  environmentOf,
  type Federation,
  NOW_MS,
  openFederation,
  runSession,
  type Site,
  setupOf,
  tell,
} from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'

const SIZE = 4
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

/** Runs a session and keeps every instruction the second site heard. */
async function recorded(stopBefore?: Instruction['kind']) {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
  const site = [...federation.sites.values()][1] as Site
  const heard: Instruction[] = []
  const down = (truth: Instruction, to: string) => {
    if (to !== site.spiffeId) return truth
    if (truth.kind === stopBefore) return null
    heard.push(truth)
    return truth
  }
  await runSession(federation, { down })
  return { federation, site, heard }
}

const again = (federation: Federation, site: Site, instruction: Instruction) => tell(federation, site, instruction)

describe('the same instruction again gets the same bytes', () => {
  for (const kind of ['advertise-keys', 'share-keys', 'mask-input', 'attest-survivors', 'reveal-shares'] as const) {
    test(kind, async () => {
      const order = [
        'advertise-keys',
        'share-keys',
        'mask-input',
        'attest-survivors',
        'reveal-shares',
        'session-over',
      ] as const
      const { federation, site, heard } = await recorded(order[order.indexOf(kind) + 1])
      const before = site.sent.at(-1)
      const instruction = heard.find((one) => one.kind === kind)
      if (instruction === undefined) throw new Error(`never heard ${kind}`)
      await again(federation, site, instruction)
      expect(site.sent.at(-1)).toEqual(before)
      expect(site.refusal).toBeNull()
    })
  }
})

describe('another instruction than the one accepted ends the session, and nothing leaves', () => {
  const others: readonly [string, string, (heard: readonly Instruction[]) => Instruction][] = [
    ['keys asked for again after the roster', 'wrong_stage', () => ({ kind: 'advertise-keys' })],
    [
      'a second U2',
      'another_shared_set',
      (heard) => ({ ...find(heard, 'mask-input'), shared: new Uint8Array([0b0111]) }),
    ],
    ['a second U3', 'another_survivor_set', () => ({ kind: 'attest-survivors', survivors: new Uint8Array([0b0111]) })],
    [
      'a second certificate over the same sets',
      'already_answered',
      (heard) => {
        const { kind, certificate } = find(heard, 'reveal-shares')
        return { kind, certificate: { ...certificate, signatures: [...certificate.signatures].reverse() } }
      },
    ],
  ]
  test.each(others)('%s', async (_, code, another) => {
    const { federation, site, heard } = await recorded('session-over')
    const before = site.sent.length
    await again(federation, site, another(heard))
    expect(site.refusal?.code).toBe(code)
    expect(site.sent.slice(before).map(({ kind }) => kind)).toEqual(['withdraw'])
  })

  test('a second U3 before anything was revealed', async () => {
    const { federation, site } = await recorded('reveal-shares')
    await again(federation, site, { kind: 'attest-survivors', survivors: new Uint8Array([0b0111]) })
    expect(site.refusal?.code).toBe('another_survivor_set')
    expect(site.sent.filter(({ kind }) => kind === 'attest-survivors')).toHaveLength(1)
  })
})

function find<K extends Instruction['kind']>(heard: readonly Instruction[], kind: K) {
  const found = heard.find((one) => one.kind === kind)
  if (found === undefined) throw new Error(`never heard ${kind}`)
  return found as Extract<Instruction, { kind: K }>
}

describe('after a restart', () => {
  test('the recorded reply is repeated for the same request, byte for byte', async () => {
    const { site, heard } = await recorded('session-over')
    const request = heard.find((one) => one.kind === 'reveal-shares')
    if (request?.kind !== 'reveal-shares') throw new Error('stage 4 was reached')
    const { sessionId } = (site.journal.facts[0] ?? {}) as { sessionId: Uint8Array }
    const { effects } = answerAfterRestart(site.journal, sessionId, request)
    expect(effects).toEqual([{ kind: 'send', message: site.sent.at(-1) }])
    const other = { ...request, certificate: { ...request.certificate, survivors: new Uint8Array([0b0111]) } }
    expect(answerAfterRestart(site.journal, sessionId, other).effects).toMatchObject([
      { kind: 'send', message: { kind: 'withdraw', code: 'session_known' } },
    ])
  })

  test('every other instruction is answered by withdrawing, without a secret', async () => {
    const { site, heard } = await recorded('reveal-shares')
    const { sessionId } = (site.journal.facts[0] ?? {}) as { sessionId: Uint8Array }
    for (const instruction of heard) {
      expect(answerAfterRestart(site.journal, sessionId, instruction).effects).toMatchObject([
        { kind: 'send', message: { kind: 'withdraw' } },
      ])
    }
  })

  test('the session id, the spent update and the limit per model are remembered', async () => {
    const { federation, site } = await recorded()
    const setup = setupOf(federation, site)
    const enter = (changes: object) => advertiseKeys({ ...setup, ...changes }, environmentOf(federation, site)).effects
    expect(enter({})).toMatchObject([{ kind: 'send', message: { code: 'session_known' } }, { kind: 'over' }])
    const context = { ...setup.context, sessionId: new Uint8Array(16).fill(9) }
    expect(enter({ context })).toMatchObject([{ kind: 'send', message: { code: 'update_spent' } }, { kind: 'over' }])
    const updateDigest = new Uint8Array(32).fill(3)
    expect(enter({ context, updateDigest })).toMatchObject([{ kind: 'record' }, { kind: 'send' }])
    expect(enter({ context, updateDigest, sessionsPerModel: 1 })).toMatchObject([
      { kind: 'send', message: { code: 'too_many_sessions' } },
      { kind: 'over' },
    ])
  })
})

test('a participant that leaves wipes its secrets', async () => {
  const { site } = await recorded('reveal-shares')
  const session = site.session
  if (session?.stage !== 'attested') throw new Error('stage 3 was reached')
  const secrets = [session.secrets.channel.secretKey, session.secrets.mask.secretKey, session.secrets.signing.secretKey]
  secrets.push(session.selfSeed, session.ownSelfShare)
  for (const pair of session.held.values()) if (pair !== null) secrets.push(pair.selfSeedShare, pair.maskKeyShare)
  leave(session, 'shutting down')
  for (const secret of secrets) expect(secret.every((byte) => byte === 0)).toBe(true)
})

test('an advertisement older than the admission window is not dealt under', async () => {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
  const site = [...federation.sites.values()][1] as Site
  const early = advertiseKeys(setupOf(federation, site), environmentOf(federation, site, NOW_MS - 300_000))
  site.session = early.session
  for (const effect of early.effects) if (effect.kind === 'record') site.journal.record(effect.fact)
  const lines = [{ enrolment: 1, signingKey: new Uint8Array(33), entryHash: new Uint8Array(32) }]
  await tell(federation, site, { kind: 'share-keys', ownIndex: 1, lines, neighbours: [], threshold: 3 })
  expect(site.refusal?.code).toBe('stage_1_too_late')
})
