/**
 * Lies about who survived. Rows of the threat model: a participant both survivor and dropout, repeated, or outside U2;
 * different survivor lists for different participants; and forged quorum certificates. Whatever the coordinator tries after
 * the lists were signed, nobody reveals under a second one, and of no owner do two kinds of share leave.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { obey } from '../../participant/protocol/session.ts'
import { generateSigningKey, sign } from '../../shared/crypto/signatures.ts'
import { decodeBitmap, encodeBitmap } from '../../shared/protocol/bitmap.ts'
import type { ParticipantMessage } from '../../shared/protocol/messages.ts'
import { neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import type { QuorumCertificate } from '../../shared/protocol/quorum-certificate.ts'
import { survivorsStatement } from '../../shared/protocol/statements.ts'
import { environmentOf, NOW_MS, perform, tell } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { instructionOverTheWire } from '../protocol/over-the-wire.ts'
import {
  coordinatorAt,
  copyOf,
  GRAPHS,
  type RecordedSession,
  recordSession,
  siteAt,
  truthFor,
  type Watched,
} from './recorded-session.ts'
import { expectLeft, expectOneKindEach, expectRefused, holdingsOf, sentBy } from './what-left.ts'

/** The last of the roster never deals; the one before it deals, and its upload never comes. */
const [VICTIM, OTHER] = [3, 4]
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(70, NOW_MS)
}, 240_000)

describe.each(GRAPHS)('on the $name', ({ options }) => {
  const { size } = options
  const [dropout, absent] = [size - 1, size]
  const survivors = Array.from({ length: size - 2 }, (_, place) => place + 1)
  let recorded: RecordedSession
  beforeAll(async () => {
    const sites = identities.sites.slice(0, size)
    const idOf = (index: number) => sites[index - 1]?.spiffeId
    const up = ({ kind }: ParticipantMessage, from: string) =>
      !(kind === 'share-keys' && from === idOf(absent)) && !(kind === 'contribution' && from === idOf(dropout))
    recorded = await recordSession({ ...options, identities: { ...identities, sites } }, { weather: { up } })
    const { shared, bitmaps } = coordinatorAt(recorded.at('attest-survivors'), 'attest-survivors')
    expect(shared).toEqual([...survivors, dropout])
    expect(decodeBitmap(bitmaps.survivors, size)).toEqual(survivors)
  }, 480_000)

  const bitmap = (indices: readonly number[]) => encodeBitmap(indices, size)

  /** The same with the last bit of the last byte, which stands for nobody. */
  function padded(indices: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(bitmap(indices))
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) | 0x80
    return bytes
  }

  /** Tells the victim this U3 in stage 3; it has to refuse, having uploaded and no more. */
  async function refusesSurvivors(code: string, claimed: Uint8Array) {
    const federation = recorded.at('attest-survivors')
    const victim = siteAt(federation, VICTIM)
    const held = holdingsOf(victim)
    await tell(federation, victim, { kind: 'attest-survivors', survivors: claimed })
    expectRefused(victim, { code, left: 'masked input', held })
  }

  /** Shows the victim in stage 4 what `forge` makes of the true certificate; it has to refuse without a share. */
  async function refusesCertificate(
    code: string,
    forge: (truth: QuorumCertificate, federation: Watched) => QuorumCertificate,
  ) {
    const federation = recorded.at('reveal-shares')
    const victim = siteAt(federation, VICTIM)
    const held = holdingsOf(victim)
    const { certificate } = truthFor(federation, victim, 'reveal-shares')
    await tell(federation, victim, { kind: 'reveal-shares', certificate: forge(certificate, federation) })
    expectRefused(victim, { code, left: 'attestation', held })
  }

  test('control: the true lists are signed, and everybody’s shares are of one kind', async () => {
    const federation = recorded.at('reveal-shares')
    const revealing = survivors.slice(0, 6).map((index) => siteAt(federation, index))
    for (const site of revealing) {
      await tell(federation, site, truthFor(federation, site, 'reveal-shares'))
      expectLeft(site, 'reveal')
      const [reveal] = sentBy(site).filter((message) => message.kind === 'reveal-shares')
      const kinds = reveal?.kind === 'reveal-shares' ? reveal.shares.map(({ owner, kind }) => [owner, kind]) : []
      for (const [owner, of] of kinds) expect(of).toBe(owner === dropout ? 'mask-key' : 'self-mask-seed')
      expect(kinds.length).toBeGreaterThan(8)
    }
    expectOneKindEach(revealing)
  })

  describe('coordinator names one participant both survivor and dropout, repeats an id, adds an id outside U2', () => {
    test.each([
      ['has one who is in no roster', 'malformed', () => padded([...survivors, dropout])],
      ['is without the victim', 'not_in_shared_set', () => bitmap(survivors.filter((index) => index !== VICTIM))],
    ] as const)('U2 %s', async (_, code, claimed) => {
      const federation = recorded.at('mask-input')
      const victim = siteAt(federation, VICTIM)
      const held = holdingsOf(victim)
      await tell(federation, victim, { ...truthFor(federation, victim, 'mask-input'), shared: claimed() })
      expectRefused(victim, { code, left: 'deal', held })
    })
    test('U3 has one who is not in U2', () => refusesSurvivors('malformed', bitmap([...survivors, absent])))
    test('U3 has one who is in no roster', () => refusesSurvivors('malformed', padded(survivors)))
    test('U3 is written with more bits than there are members', () =>
      refusesSurvivors('malformed', new Uint8Array([...bitmap(survivors), 0])))
    test('the victim, who has uploaded, is none of them', () =>
      refusesSurvivors('not_in_survivors', bitmap(survivors.filter((index) => index !== VICTIM))))
    test('too few of those who hold the victim’s shares survive', () => {
      const { roster } = coordinatorAt(recorded.at('attest-survivors'), 'attest-survivors')
      const near = neighboursOf(roster.graph, VICTIM).filter((index) => survivors.includes(index))
      const few = near.slice(0, roster.parameters.threshold - 2)
      const far = survivors.filter((index) => index !== VICTIM && !near.includes(index))
      // On a ring this is a majority of everybody all the same, as it takes for a certificate.
      if (roster.graph.kind === 'sparse') expect(few.length + far.length + 1).toBeGreaterThan(size / 2)
      return refusesSurvivors('too_few_holders', bitmap([VICTIM, ...few, ...far]))
    })
    test('the certificate makes a survivor a dropout', () =>
      refusesCertificate('another_survivor_set', (truth) => ({
        ...truth,
        survivors: bitmap(survivors.filter((index) => index !== OTHER)),
      })))
    test('the certificate makes the dropout a survivor', () =>
      refusesCertificate('another_survivor_set', (truth) => ({ ...truth, survivors: bitmap([...survivors, dropout]) })))
    test('the certificate has another U2', () =>
      refusesCertificate('another_survivor_set', (truth) => ({ ...truth, shared: bitmap(survivors) })))
    /** Signers travel as a bitmap and their signatures in its order: these lies cannot be written down, and the core sees through them. */
    async function refusesUnwritable(
      forge: (signatures: QuorumCertificate['signatures']) => QuorumCertificate['signatures'],
    ) {
      const federation = recorded.at('reveal-shares')
      const victim = siteAt(federation, VICTIM)
      const truth = truthFor(federation, victim, 'reveal-shares').certificate
      const lie = { kind: 'reveal-shares', certificate: { ...truth, signatures: forge(truth.signatures) } } as const
      if (victim.session === null) throw new Error('the victim has attested')
      const held = holdingsOf(victim)
      await perform(federation, victim, obey(victim.session, lie, environmentOf(federation, victim)))
      expectRefused(victim, { code: 'bad_quorum_certificate', left: 'attestation', held })
      expect(() => expect(instructionOverTheWire(lie)).toEqual(lie)).toThrow()
    }
    test('the certificate has a signer twice', () =>
      refusesUnwritable((all) => [...all.slice(0, -1), ...all.slice(-2, -1)]))
    test('the certificate has signers out of order', () => refusesUnwritable((all) => [...all].reverse()))
    test('the certificate has the signer 0', () =>
      refusesUnwritable((all) => all.map((one, place) => (place === 0 ? { ...one, index: 0 } : one))))
    test.each([dropout, absent, size + 1])('the certificate has the signer %i, who is no survivor', (index) =>
      refusesCertificate('bad_quorum_certificate', ({ signatures, ...sets }) => ({
        ...sets,
        signatures: signatures.map((one) => (one === signatures.at(-1) ? { ...one, index } : one)),
      })),
    )
  })

  describe('coordinator shows different survivor lists to different participants', () => {
    /** Half of those on the second list are shown the first one, the others the second: the second has one survivor less. */
    async function split(toFirst: number) {
      const federation = recorded.at('attest-survivors')
      const gone = survivors.at(-1) as number
      const second = survivors.filter((index) => index !== gone)
      for (const [place, index] of second.entries()) {
        const list = place < toFirst ? survivors : second
        await tell(federation, siteAt(federation, index), { kind: 'attest-survivors', survivors: bitmap(list) })
      }
      await tell(federation, siteAt(federation, gone), { kind: 'attest-survivors', survivors: bitmap(survivors) })
      const { roster, bitmaps } = coordinatorAt(federation, 'attest-survivors')
      const signaturesOf = (indices: readonly number[]) =>
        indices.flatMap((index) => {
          const signed = sentBy(siteAt(federation, index)).find(({ kind }) => kind === 'attest-survivors')
          return signed?.kind === 'attest-survivors' ? [{ index, signature: signed.signature }] : []
        })
      const certificate = (list: readonly number[], signers: readonly number[]): QuorumCertificate => ({
        shared: bitmaps.shared,
        survivors: bitmap(list),
        signatures: signaturesOf(signers).slice(0, roster.parameters.quorum),
      })
      return {
        federation,
        roster,
        second,
        firstHalf: second.slice(0, toFirst),
        secondHalf: second.slice(toFirst),
        gone,
        certificate,
      }
    }

    test('split in halves, neither list ever has a certificate, nobody reveals', async () => {
      const { federation, roster, second, firstHalf, secondHalf, gone, certificate } = await split(
        Math.ceil(size / 2) - 2,
      )
      const { quorum } = roster.parameters
      expect(Math.max(firstHalf.length + 1, secondHalf.length)).toBeLessThan(quorum)
      const ownKey = generateSigningKey()
      const statementOf = (list: readonly number[]) =>
        survivorsStatement(roster.digests, bitmap([...survivors, dropout]), bitmap(list))
      const tries = (list: readonly number[], signers: readonly number[]): readonly QuorumCertificate[] => [
        // As it is; filled up with the others' signatures, over the other list; filled up with signatures by a key of its own.
        certificate(list, signers),
        certificate(list, second),
        {
          ...certificate(list, second),
          signatures: certificate(list, second).signatures.map(({ index, signature }) => ({
            index,
            signature: signers.includes(index) ? signature : sign(ownKey, statementOf(list)),
          })),
        },
      ]
      const lists = [
        { list: survivors, victims: [firstHalf[0], firstHalf[1], gone] as number[], signers: [...firstHalf, gone] },
        { list: second, victims: secondHalf.slice(0, 3), signers: secondHalf },
      ]
      for (const { list, victims, signers } of lists) {
        for (const [place, forged] of tries(list, signers).entries()) {
          const victim = siteAt(federation, victims[place] as number)
          const held = holdingsOf(victim)
          await tell(federation, victim, { kind: 'reveal-shares', certificate: forged })
          expectRefused(victim, { code: 'bad_quorum_certificate', left: 'attestation', held })
        }
      }
      for (const site of federation.sites.values())
        expect(sentBy(site).some(({ kind }) => kind === 'reveal-shares')).toBe(false)
    })

    test('with a majority for one list, whoever signed the other reveals nothing', async () => {
      const { federation, roster, second, firstHalf, secondHalf, gone, certificate } = await split(size - 4)
      expect(secondHalf).toHaveLength(1)
      const whole = certificate(survivors, [...firstHalf, gone])
      expect(whole.signatures).toHaveLength(roster.parameters.quorum)
      const [outvoted = 0] = secondHalf
      const minority = certificate(second, [...secondHalf, gone])
      for (const [code, shown] of [
        ['another_survivor_set', whole],
        ['bad_quorum_certificate', minority],
      ] as const) {
        const asked = copyOf(federation)
        const victim = siteAt(asked, outvoted)
        const held = holdingsOf(victim)
        await tell(asked, victim, { kind: 'reveal-shares', certificate: shown })
        expectRefused(victim, { code, left: 'attestation', held })
      }
      for (const index of firstHalf.slice(0, 4)) {
        const site = siteAt(federation, index)
        await tell(federation, site, { kind: 'reveal-shares', certificate: whole })
        expectLeft(site, 'reveal')
      }
      expectOneKindEach(federation.sites.values())
    })
  })

  describe('coordinator forges the quorum certificate', () => {
    test('one signature short', () =>
      refusesCertificate('bad_quorum_certificate', (truth) => ({ ...truth, signatures: truth.signatures.slice(1) })))
    test('with signatures by keys of its own', () =>
      refusesCertificate('bad_quorum_certificate', (truth, federation) => {
        const { digests } = coordinatorAt(federation, 'reveal-shares').roster
        const own = sign(generateSigningKey(), survivorsStatement(digests, truth.shared, truth.survivors))
        return { ...truth, signatures: truth.signatures.map(({ index }) => ({ index, signature: own })) }
      }))
    test('with one signature under another’s index', () =>
      refusesCertificate('bad_quorum_certificate', (truth) => {
        const [first] = truth.signatures
        return {
          ...truth,
          signatures: truth.signatures.map((one, place) =>
            place === 1 ? { ...one, signature: first?.signature ?? one.signature } : one,
          ),
        }
      }))
  })
})
