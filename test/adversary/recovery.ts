/**
 * What a malicious coordinator makes of all that left the participants: the sum of a few members' inputs, or one member's
 * input, by taking off every mask it can work out. The same procedure serves with a check off, where it has what it needs, and
 * with the check on, where it does not; masks it cannot work out stay on.
 */
import type { Roster } from '../../coordinator/protocol/session-state.ts'
import { pairwiseMaskKey, selfMaskKey } from '../../shared/crypto/derivation.ts'
import { type HeldShare, reconstructSecret } from '../../shared/crypto/shamir.ts'
import { cpuMaskEngine } from '../../shared/masks/cpu-engine.ts'
import type { MaskSeed } from '../../shared/masks/mask-engine.ts'
import { neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import type { RevealedShare } from '../../shared/protocol/reveal.ts'
import { type Lanes, zeroLanes } from '../../shared/vector/encoding.ts'
import { addPacked } from '../../shared/vector/packing.ts'
import type { Federation, Site } from '../protocol/federation.ts'

/** What left, by roster index, under one roster. */
export interface Spoils {
  readonly roster: Roster
  readonly modulusBits: number
  readonly lengthLanes: number
  /** Packed masked inputs. */
  readonly uploads: ReadonlyMap<number, Uint8Array>
  readonly revealed: ReadonlyMap<number, readonly RevealedShare[]>
}

/** What the coordinator wants, and what it knows beside the spoils. */
export interface Aim {
  readonly members: readonly number[]
  /** U2 as the members were told. */
  readonly shared: readonly number[]
  /** Mask keys (s_sk) it has from elsewhere: its accomplices' for one. */
  readonly maskKeys?: ReadonlyMap<number, Uint8Array>
}

/** Everything that left these sites under this roster: masked inputs with their receipt, and shares. Nothing else is looked at. */
export function spoilsOf(federation: Pick<Federation, 'sites' | 'context'>, roster: Roster): Spoils {
  const uploads = new Map<number, Uint8Array>()
  const revealed = new Map<number, readonly RevealedShare[]>()
  for (const site of federation.sites.values()) {
    const index = roster.indices.get(site.spiffeId)
    if (index === undefined) continue
    for (const message of site.sent) {
      if (message.kind === 'contribution' && site.packed !== null) uploads.set(index, site.packed)
      if (message.kind === 'reveal-shares') revealed.set(index, message.shares)
    }
  }
  const { modulusBits, lengthLanes } = federation.context
  return { roster, modulusBits, lengthLanes, uploads, revealed }
}

/** A secret of the owner from the shares that left; null when none did. Fewer than t of them give another secret. */
export function secretOf({ roster, revealed }: Spoils, owner: number, kind: 'self-mask-seed' | 'mask-key') {
  const shares: HeldShare[] = []
  for (const [holder, reveal] of revealed) {
    const found = reveal.find((one) => one.owner === owner && one.kind === kind)
    if (found !== undefined && found.kind !== 'none') shares.push({ holder, share: found.share })
  }
  const used = Math.min(shares.length, roster.parameters.threshold)
  return used === 0 ? null : reconstructSecret(shares, used)
}

/** The sum of the members' inputs, as far as the masks come off; null without their masked inputs. Masks between members cancel. */
export async function recoverSum(spoils: Spoils, { members, shared, maskKeys }: Aim): Promise<Lanes | null> {
  const { roster, modulusBits, lengthLanes } = spoils
  if (members.some((member) => !spoils.uploads.has(member))) return null
  const { digests, entries, graph } = roster
  const sum = zeroLanes(lengthLanes, modulusBits)
  const masks: MaskSeed[] = []
  const maskKeyOf = (index: number) => maskKeys?.get(index) ?? secretOf(spoils, index, 'mask-key')
  for (const member of members) {
    const packed = spoils.uploads.get(member) ?? new Uint8Array(0)
    if (addPacked({ accumulator: sum, packed, modulusBits }) !== null) throw new Error('a whole masked input')
    const seed = secretOf(spoils, member, 'self-mask-seed')
    if (seed !== null) masks.push({ key: selfMaskKey({ ...digests, seed, owner: member }), sign: -1 })
    for (const other of neighboursOf(graph, member)) {
      if (members.includes(other) || !shared.includes(other)) continue
      const [own, theirs] = [maskKeyOf(member), maskKeyOf(other)]
      const [ownSecret, peer] = own === null ? [theirs, member] : [own, other]
      if (ownSecret === null) continue
      const peerPublic = entries[peer - 1]?.maskKey ?? new Uint8Array(0)
      // The member added the mask when its index is the smaller, and subtracted it otherwise.
      const key = pairwiseMaskKey({ ...digests, ownSecret, peerPublic, a: member, b: other })
      masks.push({ key, sign: member < other ? -1 : 1 })
    }
  }
  await cpuMaskEngine().accumulate(sum, masks)
  return sum
}

/** The sum of these sites' inputs as they are, for comparison: the coordinator never sees it. */
export function trueSum(sites: readonly Site[]): Lanes {
  const [first, ...others] = sites
  if (first === undefined) throw new Error('somebody to sum')
  const sum = first.lanes.slice()
  for (const { lanes } of others) for (let at = 0; at < sum.length; at += 1) sum[at] = (sum[at] ?? 0) + (lanes[at] ?? 0)
  return sum
}
