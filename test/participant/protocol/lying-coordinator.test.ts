/**
 * Every check of stages 1 to 4, one lie each: the real participant core hears one changed instruction, refuses it with the
 * named code, and nothing that the check guards has left it. The honest control run above the table reveals everything.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { instructionFor } from '../../../coordinator/protocol/instructions.ts'
import { sign, signingKeyFromSecret } from '../../../shared/crypto/signatures.ts'
import { encodeBitmap } from '../../../shared/protocol/bitmap.ts'
import type { Instruction } from '../../../shared/protocol/messages.ts'
import { rosterLine } from '../../../shared/protocol/roster.ts'
import { survivorsStatement } from '../../../shared/protocol/statements.ts'
import { type Federation, NOW_MS, openFederation, runSession, tell, walkStage } from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'

type Roster = Extract<Instruction, { kind: 'share-keys' }>
type Shared = Extract<Instruction, { kind: 'mask-input' }>
type Certificate = Extract<Instruction, { kind: 'reveal-shares' }>

const SIZE = 5
let identities: Identities
let strangers: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
  strangers = await makeIdentities(SIZE, NOW_MS)
})

/** The victim is the third of five; everybody else hears the truth. */
async function lieTo<K extends Instruction['kind']>(
  kind: K,
  lie: (truth: Extract<Instruction, { kind: K }>, federation: Federation) => Instruction,
  gammaPpm = 0,
) {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 16, gammaPpm })
  const victim = [...federation.sites.values()][2]
  if (victim === undefined) throw new Error('five sites')
  await runSession(federation, {
    down: (truth, to) =>
      to === victim.spiffeId && truth.kind === kind
        ? lie(structuredClone(truth) as Extract<Instruction, { kind: K }>, federation)
        : truth,
  })
  return { federation, victim, sent: victim.sent.map((message) => message.kind) }
}

test('control: told the truth, the participant goes all the way', async () => {
  const { victim, sent } = await lieTo('share-keys', (truth) => truth)
  expect(victim.refusal).toBeNull()
  expect(sent).toEqual(['advertise-keys', 'share-keys', 'contribution', 'attest-survivors', 'reveal-shares'])
})

describe('stage 1: nothing is dealt', () => {
  const flip = (bytes: Uint8Array) => {
    const copy = bytes.slice()
    copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1
    return copy
  }
  const neighbour = (truth: Roster, change: (entry: Roster['neighbours'][number]['entry']) => object): Roster => ({
    ...truth,
    neighbours: truth.neighbours.map((one, place) =>
      place === 0 ? { ...one, entry: { ...one.entry, ...change(one.entry) } } : one,
    ),
  })
  /** Puts the changed neighbour's true hash and key in the list, so that only the later check can catch it. */
  const relisted = (truth: Roster): Roster => {
    const lines = [...truth.lines]
    for (const { index, entry } of truth.neighbours)
      lines[index - 1] = rosterLine(entry, lines[index - 1]?.enrolment ?? 0)
    return { ...truth, lines }
  }
  const cases: readonly [string, string, (truth: Roster) => Roster][] = [
    [
      'its own key is replaced',
      'roster_disagrees',
      (t) => ({ ...t, lines: t.lines.map((l, i) => (i === 2 ? { ...l, entryHash: flip(l.entryHash) } : l)) }),
    ],
    ['another index is claimed', 'roster_disagrees', (t) => ({ ...t, ownIndex: 2 })],
    ['an entry is not the listed one', 'roster_disagrees', (t) => neighbour(t, (e) => ({ maskKey: flip(e.maskKey) }))],
    [
      'true hashes beside keys of its own',
      'roster_disagrees',
      (t) => ({
        ...t,
        lines: t.lines.map((l, i) =>
          i === 0 ? { ...l, signingKey: signingKeyFromSecret(new Uint8Array(32).fill(7)).publicKey } : l,
        ),
      }),
    ],
    [
      'a mask key is substituted, hash and all',
      'bad_signature',
      (t) => relisted(neighbour(t, (e) => ({ maskKey: flip(e.maskKey) }))),
    ],
    [
      'a signing key is substituted, hash and all',
      'bad_signature',
      (t) => relisted(neighbour(t, () => ({ signingKey: signingKeyFromSecret(new Uint8Array(32).fill(7)).publicKey }))),
    ],
    ['a small-order key', 'unacceptable_key', (t) => relisted(neighbour(t, () => ({ maskKey: new Uint8Array(32) })))],
    [
      'a certificate of another authority',
      'certificate_refused',
      (t) => relisted(neighbour(t, () => ({ certificateChain: strangers.sites[0]?.certificateChain }))),
    ],
    [
      'a certificate of somebody else',
      'identity_mismatch',
      (t) => relisted(neighbour(t, () => ({ certificateChain: identities.sites[1]?.certificateChain }))),
    ],
    ['no certificate', 'certificate_refused', (t) => relisted(neighbour(t, () => ({ certificateChain: [] })))],
    [
      'an advertisement from yesterday',
      'advertised_too_early_or_late',
      (t) => relisted(neighbour(t, (e) => ({ advertisedAtMs: e.advertisedAtMs - 86_400_000 }))),
    ],
    [
      'an advertisement from tomorrow',
      'advertised_too_early_or_late',
      (t) => relisted(neighbour(t, (e) => ({ advertisedAtMs: e.advertisedAtMs + 86_400_000 }))),
    ],
    [
      'an identity that is not enrolled',
      'roster_disagrees',
      (t) => relisted(neighbour(t, () => ({ spiffeId: 'spiffe://test.example/site/000' }))),
    ],
    [
      'two lines with one signing key',
      'key_reused',
      (t) => ({
        ...t,
        lines: t.lines.map((l, i) => (i === 1 ? { ...l, signingKey: t.lines[0]?.signingKey ?? l.signingKey } : l)),
      }),
    ],
    [
      'a key that stands twice',
      'key_reused',
      (t) =>
        relisted({
          ...t,
          neighbours: t.neighbours.map((n, i) =>
            i === 1
              ? { ...n, entry: { ...n.entry, channelKey: t.neighbours[0]?.entry.channelKey ?? n.entry.channelKey } }
              : n,
          ),
        }),
    ],
    ['a neighbour is left out', 'neighbours_disagree', (t) => ({ ...t, neighbours: t.neighbours.slice(1) })],
    ['a lower threshold', 'no_parameters', (t) => ({ ...t, threshold: 2 })],
    [
      'ids out of order',
      'roster_disagrees',
      (t) =>
        relisted({
          ...t,
          neighbours: t.neighbours.map((n, i) => (i < 2 ? { ...n, entry: t.neighbours[1 - i]?.entry ?? n.entry } : n)),
        }),
    ],
    [
      'fewer than the minimum cohort',
      'cohort_too_small',
      (t) => ({ ...t, lines: t.lines.slice(1, 3), ownIndex: 2, neighbours: [] }),
    ],
    ['more than are enrolled', 'cohort_too_large', (t) => ({ ...t, lines: [...t.lines, ...t.lines] })],
  ]
  for (const [name, code, lie] of cases) {
    test(name, async () => {
      const federation = await openFederation({ size: SIZE, identities, parameterCount: 16 })
      const victim = [...federation.sites.values()][2]
      if (victim === undefined) throw new Error('five sites')
      await walkStage(federation)
      const truth = instructionFor(federation.coordinator, victim.spiffeId)
      if (truth?.kind !== 'share-keys') throw new Error('stage 1')
      await tell(federation, victim, lie(structuredClone(truth)))
      expect(victim.refusal?.code).toBe(code)
      expect(victim.sent.map((message) => message.kind)).toEqual(['advertise-keys', 'withdraw'])
      expect(victim.journal.facts.map((fact) => fact.kind)).not.toContain('roster-accepted')
    })
  }

  test('a second roster in the same session', async () => {
    const federation = await openFederation({ size: SIZE, identities, parameterCount: 16 })
    const victim = [...federation.sites.values()][2]
    if (victim === undefined) throw new Error('five sites')
    await walkStage(federation)
    const truth = instructionFor(federation.coordinator, victim.spiffeId)
    if (truth?.kind !== 'share-keys') throw new Error('stage 1')
    await tell(federation, victim, truth)
    await tell(federation, victim, truth)
    const deals = victim.sent.filter((message) => message.kind === 'share-keys')
    expect(deals).toHaveLength(2)
    expect(deals[0]).toEqual(deals[1])
    await tell(federation, victim, {
      ...truth,
      lines: truth.lines.slice(0, 4),
      neighbours: truth.neighbours.slice(0, 3),
    })
    expect(victim.refusal?.code).toBe('another_roster')
    expect(victim.sent.filter((message) => message.kind === 'share-keys')).toHaveLength(2)
  })
})

describe('stage 2: no masked byte leaves', () => {
  const cases: readonly [string, string, (truth: Shared) => Shared][] = [
    [
      'it is not in U2',
      'not_in_shared_set',
      (t) => ({ ...t, shared: encodeBitmap([1, 2, 4, 5], SIZE), deals: t.deals }),
    ],
    [
      'U2 below the threshold',
      'too_few_holders',
      (t) => ({ ...t, shared: encodeBitmap([1, 2, 3], SIZE), deals: t.deals.slice(0, 2) }),
    ],
    [
      'U2 below the minimum cohort',
      'cohort_too_small',
      (t) => ({ ...t, shared: encodeBitmap([1, 3], SIZE), deals: t.deals.slice(0, 1) }),
    ],
    ['only some of the ciphertexts', 'ciphertexts_disagree', (t) => ({ ...t, deals: t.deals.slice(1) })],
    ['ciphertexts in another order', 'ciphertexts_disagree', (t) => ({ ...t, deals: [...t.deals].reverse() })],
    [
      'a ciphertext that was not signed',
      'bad_signature',
      (t) => ({
        ...t,
        deals: t.deals.map((d, i) => (i === 0 ? { ...d, ciphertext: t.deals[1]?.ciphertext ?? d.ciphertext } : d)),
      }),
    ],
    ['a bitmap of another size', 'malformed', (t) => ({ ...t, shared: new Uint8Array(2) })],
    ['a bitmap with padding set', 'malformed', (t) => ({ ...t, shared: new Uint8Array([0xff]) })],
  ]
  for (const [name, code, lie] of cases) {
    test(name, async () => {
      const { victim, sent } = await lieTo('mask-input', lie)
      expect(victim.refusal?.code).toBe(code)
      expect(sent).toEqual(['advertise-keys', 'share-keys', 'withdraw'])
      expect(victim.packed).toBeNull()
      expect(victim.journal.facts.map((fact) => fact.kind)).not.toContain('update-spent')
    })
  }
})

describe('stage 3: nothing is attested', () => {
  const cases: readonly [string, string, Uint8Array][] = [
    ['it is not in U3', 'not_in_survivors', encodeBitmap([1, 2, 4, 5], SIZE)],
    ['U3 below the threshold', 'too_few_holders', encodeBitmap([1, 2, 3], SIZE)],
    ['U3 below the minimum cohort', 'cohort_too_small', encodeBitmap([2, 3], SIZE)],
    ['a bitmap with padding set', 'malformed', new Uint8Array([0xff])],
  ]
  for (const [name, code, survivors] of cases) {
    test(name, async () => {
      const { victim, sent } = await lieTo('attest-survivors', () => ({ kind: 'attest-survivors', survivors }))
      expect(victim.refusal?.code).toBe(code)
      expect(sent).toEqual(['advertise-keys', 'share-keys', 'contribution', 'withdraw'])
    })
  }

  test('U3 names it before its upload was acknowledged', async () => {
    const federation = await openFederation({ size: SIZE, identities, parameterCount: 16 })
    const victim = [...federation.sites.values()][2]
    const all = encodeBitmap([1, 2, 3, 4, 5], SIZE)
    await runSession(federation, {
      up: (message, from) => !(from === victim?.spiffeId && message.kind === 'contribution'),
      down: (truth, to) =>
        to === victim?.spiffeId && federation.coordinator.stage === 'attest-survivors'
          ? { kind: 'attest-survivors', survivors: all }
          : truth,
    })
    expect(victim?.refusal?.code).toBe('upload_not_acknowledged')
  })

  test('U3 is not within U2', async () => {
    const federation = await openFederation({ size: SIZE, identities, parameterCount: 16 })
    const [first, , victim] = [...federation.sites.values()]
    await runSession(federation, {
      up: (message, from) => !(from === first?.spiffeId && message.kind === 'share-keys'),
      down: (truth, to) =>
        to === victim?.spiffeId && truth.kind === 'attest-survivors'
          ? { kind: 'attest-survivors', survivors: encodeBitmap([1, 2, 3, 4, 5], SIZE) }
          : truth,
    })
    expect(victim?.refusal?.code).toBe('malformed')
  })
})

describe('stage 4: no share leaves', () => {
  const forged = (t: Certificate, federation: Federation): Certificate => {
    const other = signingKeyFromSecret(new Uint8Array(32).fill(7))
    if (!('roster' in federation.coordinator)) throw new Error('stage 4')
    const { digests } = federation.coordinator.roster
    const signature = sign(other, survivorsStatement(digests, t.certificate.shared, t.certificate.survivors))
    return {
      ...t,
      certificate: { ...t.certificate, signatures: t.certificate.signatures.map((s) => ({ ...s, signature })) },
    }
  }
  const change = (t: Certificate, fields: Partial<Certificate['certificate']>): Certificate => ({
    ...t,
    certificate: { ...t.certificate, ...fields },
  })
  const cases: readonly [string, string, (truth: Certificate, federation: Federation) => Certificate][] = [
    ['other survivors', 'another_survivor_set', (t) => change(t, { survivors: encodeBitmap([1, 2, 3, 4], SIZE) })],
    ['another U2', 'another_survivor_set', (t) => change(t, { shared: encodeBitmap([1, 2, 3, 4], SIZE) })],
    [
      'too few signatures',
      'bad_quorum_certificate',
      (t) => change(t, { signatures: t.certificate.signatures.slice(1) }),
    ],
    ['signatures by keys of its own', 'bad_quorum_certificate', forged],
    [
      'signatures of others under an index',
      'bad_quorum_certificate',
      (t) =>
        change(t, {
          signatures: t.certificate.signatures.map((s, i) => ({
            ...s,
            signature: t.certificate.signatures[(i + 1) % 4]?.signature ?? s.signature,
          })),
        }),
    ],
    [
      'an index outside the roster',
      'bad_quorum_certificate',
      (t) =>
        change(t, {
          signatures: t.certificate.signatures.map((s, i) => ({ ...s, index: i === 3 ? 8 : s.index })),
        }),
    ],
  ]
  for (const [name, code, lie] of cases) {
    test(name, async () => {
      const { victim, sent } = await lieTo('reveal-shares', lie)
      expect(victim.refusal?.code).toBe(code)
      expect(sent).not.toContain('reveal-shares')
      expect(victim.journal.facts.map((fact) => fact.kind)).not.toContain('answered')
    })
  }
})
