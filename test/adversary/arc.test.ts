/**
 * The arc attack. On a sparse graph masks reach k/2 places to either side, so whoever gets rid of the places around an arc has
 * the arc's sum, and around one participant its input. The coordinator calls all of these places dropouts, but of each only to
 * t of its holders, who would then reveal its mask key; everybody still finds itself and t of its own holders on its list of
 * survivors. Nobody colludes, hardly two of the 76 lists are alike, and each of them passes on its own: only a certificate
 * that more than half of all have signed tells that they differ.
 *
 * Off: `bad_quorum_certificate`, in stage 4 alone; the certificates then carry what the others signed over lists of their own.
 */
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { holdersOf, neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import { type AttackRow, lanesRight, recovered, refused, showAttacks } from './attack-table.ts'
import { attestLists, certificateOver, certifyLists } from './cut-off.ts'
import { arcFrom, aroundArc, leftOutByEach, ownSurvivors } from './own-lists.ts'
import { coordinatorAt, copyOf, type RecordedSession, recordSession, siteAt } from './recorded-session.ts'
import { recoverSum, spoilsOf, trueSum } from './recovery.ts'
import { withoutChecks } from './unchecked.ts'
import { expectRefused, holdingsOf } from './what-left.ts'

vi.mock('../../shared/protocol/refusal.ts', async (original) =>
  (await import('./unchecked.ts')).uncheckable(await original()),
)

const SIZE = 76
const VICTIM = 17
const EVERYBODY = Array.from({ length: SIZE }, (_, place) => place + 1)
const rows: AttackRow[] = []
showAttacks(`Arc: ${SIZE} participants on a ring of 64 neighbours, everybody told survivors of its own`, rows)

let session: RecordedSession
beforeAll(async () => {
  session = await recordSession({ size: SIZE, parameterCount: 24, modulusBits: 32 }, { last: 'attest-survivors' })
}, 180_000)

/** Stage 3: everybody hears a list of its own and signs it. */
async function deceive(length: number) {
  const federation = session.at('attest-survivors')
  const { roster, bitmaps } = coordinatorAt(federation, 'attest-survivors')
  const arc = arcFrom(roster.graph, VICTIM, length)
  const leavesOut = leftOutByEach(roster.graph, roster.parameters, aroundArc(roster.graph, arc))
  if (leavesOut === null) throw new Error('no such lists')
  const lists = ownSurvivors(leavesOut, EVERYBODY, SIZE)
  const signatures = await attestLists(federation, lists)
  const truth = trueSum(arc.map((index) => siteAt(federation, index)))
  return { federation, roster, shared: bitmaps.shared, arc, leavesOut, lists, signatures, truth }
}

/** Stage 4: everybody hears a certificate over its list, made of what others signed over theirs. */
async function unmask(deceived: Awaited<ReturnType<typeof deceive>>, off: readonly 'bad_quorum_certificate'[]) {
  const { roster, shared, arc, lists, signatures } = deceived
  const federation = copyOf(deceived.federation)
  const sites = EVERYBODY.map((index) => siteAt(federation, index))
  const held = sites.map(holdingsOf)
  const passed = await withoutChecks(off, () =>
    certifyLists(federation, EVERYBODY, (index) => {
      const survivors = lists.get(index) ?? new Uint8Array(0)
      return certificateOver(roster, { shared, survivors }, signatures)
    }),
  )
  const guess = await recoverSum(spoilsOf(federation, roster), { members: arc, shared: EVERYBODY })
  return { sites, held, passed, guess }
}

describe.each([
  { name: 'one participant', length: 1 },
  { name: 'an arc of five', length: 5 },
])('$name', ({ name, length }) => {
  test('off: the input, exactly; on: everybody refuses, nobody reveals', async () => {
    const deceived = await deceive(length)
    const { truth } = deceived
    const different = new Set([...deceived.lists.values()].map(String)).size
    expect(deceived.signatures.size).toBe(SIZE)
    expect(different).toBeGreaterThan(SIZE / 2)

    const off = await unmask(deceived, ['bad_quorum_certificate'])
    expect(off.passed).toEqual({ bad_quorum_certificate: SIZE })
    expect(off.guess).toEqual(truth)

    const on = await unmask(deceived, [])
    for (const [place, site] of on.sites.entries()) {
      expectRefused(site, { code: 'bad_quorum_certificate', left: 'attestation', held: on.held[place]! })
    }
    expect(lanesRight(on.guess, truth)).toBe(0)
    rows.push({
      attack: `${name}, ${different} different lists`,
      check: 'bad_quorum_certificate',
      off: recovered(off.guess, truth),
      on: `${refused(on.sites)}; ${recovered(on.guess, truth)}`,
    })
  })
})

test('everybody’s list has t of its holders, and everybody around the arc is missing from those of t of its own', () => {
  const { roster } = coordinatorAt(session.at('attest-survivors'), 'attest-survivors')
  const { graph, parameters } = roster
  const leavesOut = leftOutByEach(graph, parameters, aroundArc(graph, [VICTIM])) ?? new Map<number, Set<number>>()
  for (const index of EVERYBODY) {
    const surviving = holdersOf(graph, index).filter((holder) => !leavesOut.get(index)?.has(holder))
    expect(surviving).toContain(index)
    expect(surviving.length).toBeGreaterThanOrEqual(parameters.threshold)
  }
  for (const gone of neighboursOf(graph, VICTIM)) {
    const telling = holdersOf(graph, gone).filter((holder) => leavesOut.get(holder)?.has(gone))
    expect(telling).toHaveLength(parameters.threshold)
  }
})
