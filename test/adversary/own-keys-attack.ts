/**
 * The attack with the coordinator's own v_pk from end to end, for a federation of any size that has advertised: forged lines
 * for everybody, an arc cut off by lists of everybody's own, and certificates that verify.
 */
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import { tell, walkStage } from '../protocol/federation.ts'
import { attestLists, certifyLists } from './cut-off.ts'
import { forgedCertificate, keysFor, linesWith, strangersOf } from './own-keys.ts'
import { arcFrom, aroundArc, leftOutByEach, ownSurvivors } from './own-lists.ts'
import { coordinatorAt, siteAt, truthFor, type Watched } from './recorded-session.ts'
import { recoverSum, spoilsOf, trueSum } from './recovery.ts'

/** Goes as far as the participants let it; `guess` is what came out for the arc that begins with `victim`. */
export async function attackWithOwnKeys(federation: Watched, victim: number, length: number) {
  const { roster } = coordinatorAt(federation, 'share-keys')
  const everybody = roster.entries.map((_, place) => place + 1)
  const sites = everybody.map((index) => siteAt(federation, index))
  const arc = arcFrom(roster.graph, victim, length)
  const keys = keysFor(everybody)
  for (const index of everybody) {
    const site = siteAt(federation, index)
    const truth = truthFor(federation, site, 'share-keys')
    await tell(federation, site, { ...truth, lines: linesWith(roster, keys, strangersOf(roster, index)) })
  }
  const done = async () => {
    const guess = await recoverSum(spoilsOf(federation, roster), { members: arc, shared: everybody })
    return { roster, sites, guess, truth: trueSum(arc.map((index) => siteAt(federation, index))) }
  }
  await walkStage(federation, { down: () => null })
  if (federation.coordinator.stage === 'aborted') return await done()
  await walkStage(federation)
  const leavesOut = leftOutByEach(roster.graph, roster.parameters, aroundArc(roster.graph, arc))
  if (leavesOut === null) throw new Error('no such lists')
  const lists = ownSurvivors(leavesOut, everybody, everybody.length)
  const signatures = await attestLists(federation, lists)
  const shared = encodeBitmap(everybody, everybody.length)
  const forged = { lists, shared, keys, signatures }
  await certifyLists(federation, signatures.keys(), (index) => forgedCertificate(roster, forged, index))
  return await done()
}
