/** What local policy forbids a session, whoever asks: refused in the core, before anything leaves. */
import { beforeAll, describe, expect, test } from 'vitest'
import { checkPolicyOnRoster, DAY_MS } from '../../../participant/protocol/policy-checks.ts'
import { advertiseKeys } from '../../../participant/protocol/session.ts'
import type { ParticipantSetup } from '../../../participant/protocol/session-state.ts'
import { ProtocolError } from '../../../shared/protocol/refusal.ts'
import {
  environmentOf,
  type Federation,
  NOW_MS,
  openFederation,
  perform,
  type Site,
  setupOf,
  walkStage,
} from '../../protocol/federation.ts'

let federation: Federation
let site: Site
beforeAll(async () => {
  federation = await openFederation({ size: 5, gammaPpm: 200_000, parameterCount: 8 })
  site = [...federation.sites.values()][0] as Site
})

/** The code with which the site refuses to enter, or null when it advertises its keys. */
function entering(changes: Partial<ParticipantSetup>): string | null {
  const setup = { ...setupOf(federation, site), ...changes }
  const { effects } = advertiseKeys(setup, environmentOf(federation, site))
  const [first] = effects
  if (first?.kind === 'record') return null
  // A refused session leaves nothing behind and sends nothing but its goodbye.
  expect(effects.map(({ kind }) => kind)).toEqual(['send', 'over'])
  return first?.kind === 'send' && first.message.kind === 'withdraw' ? first.message.code : 'nothing'
}

/** A session opened at `atMs` that spent an update. */
function masked(mark: number, atMs: number): void {
  const sessionId = new Uint8Array(16).fill(mark)
  const digest = new Uint8Array(32).fill(mark)
  const target = { modelDigest: digest, planDigest: digest, round: 1 }
  site.journal.record({ kind: 'session-opened', sessionId, ...target, atMs })
  site.journal.record({ kind: 'update-spent', sessionId, updateDigest: digest })
}

describe('on entering', () => {
  test('an ordinary session is entered', () => {
    expect(entering({})).toBe(null)
  })

  test('C below the floor is refused, C at the floor is not', () => {
    expect(entering({ minimumColluders: 1 })).toBe(null)
    expect(entering({ minimumColluders: 2 })).toBe('policy_colluders_too_few')
  })

  test('as many masked sessions as a day may have, and no more; older ones do not count', () => {
    masked(1, NOW_MS - DAY_MS - 1)
    expect(entering({ roundsPerDay: 1 })).toBe(null)
    masked(2, NOW_MS - DAY_MS)
    expect(entering({ roundsPerDay: 2 })).toBe(null)
    expect(entering({ roundsPerDay: 1 })).toBe('too_many_rounds_today')
  })

  test('a session in which nothing was masked does not count', () => {
    const [sessionId, digest] = [new Uint8Array(16).fill(9), new Uint8Array(32).fill(9)]
    const target = { modelDigest: digest, planDigest: digest, round: 1 }
    site.journal.record({ kind: 'session-opened', sessionId, ...target, atMs: NOW_MS })
    expect(entering({ roundsPerDay: 2 })).toBe(null)
  })
})

test('a roster whose threshold is too low is refused before anything is dealt', async () => {
  const federation = await openFederation({ size: 5, gammaPpm: 200_000, parameterCount: 8 })
  const strict = [...federation.sites.values()][0] as Site
  const setup = { ...setupOf(federation, strict), minimumThresholdFraction: 0.9 }
  await perform(federation, strict, advertiseKeys(setup, environmentOf(federation, strict)))
  await walkStage(federation)
  await walkStage(federation)
  expect(strict.refusal?.code).toBe('policy_threshold_too_low')
  expect(new Set(strict.sent.map(({ kind }) => kind))).toEqual(new Set(['advertise-keys', 'withdraw']))
})

describe('on the roster', () => {
  const refusal = (minimumThresholdFraction: number, threshold: number, holders: number): string | null => {
    try {
      checkPolicyOnRoster({ minimumThresholdFraction }, { participants: 100, holders, threshold })
      return null
    } catch (error) {
      if (error instanceof ProtocolError) return error.code
      throw error
    }
  }

  test.each([
    [0.5, 2, 3, null],
    [0.5, 3, 5, null],
    [0.5, 2, 4, 'policy_threshold_too_low'],
    [0.5, 2, 5, 'policy_threshold_too_low'],
    [0.6, 60, 100, 'policy_threshold_too_low'],
    [0.6, 61, 100, null],
    [0, 1, 100, null],
  ])('more than %d of the holders are wanted: %i of %i gives %s', (fraction, threshold, holders, code) => {
    expect(refusal(fraction, threshold, holders)).toBe(code)
  })
})
