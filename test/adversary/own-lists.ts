/**
 * The arc attack's lists: a survivor list of its own for every participant, such that each place around the arc is missing
 * from the lists of t of its holders, who would then reveal its mask key, while everybody still sees t of its own holders
 * survive and has nothing to complain of.
 */
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import { type NeighbourGraph, neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import type { SharingParameters } from '../../shared/protocol/threshold.ts'

/** So many indices in a row on the ring, from that of `first` on. */
export function arcFrom(graph: NeighbourGraph, first: number, length: number): readonly number[] {
  if (graph.kind !== 'sparse') throw new Error('arcs are cut off rings')
  const { order, placeOf } = graph
  const start = placeOf[first - 1] ?? 0
  return Array.from({ length }, (_, away) => order[(start + away) % order.length] ?? 0)
}

/** The neighbours of an arc's members outside it: cut off from these, the arc stands alone. */
export function aroundArc(graph: NeighbourGraph, arc: readonly number[]): readonly number[] {
  const around = new Set(arc.flatMap((member) => neighboursOf(graph, member)))
  for (const member of arc) around.delete(member)
  return [...around].sort((a, b) => a - b)
}

/**
 * Whom each participant's list leaves out, by its index; null when there is no such set of lists. Found as a flow: every one
 * of `gone` takes t of its neighbours, each of whom can leave out h − t of its own.
 */
export function leftOutByEach(
  graph: NeighbourGraph,
  { holders, threshold }: Pick<SharingParameters, 'holders' | 'threshold'>,
  gone: readonly number[],
): ReadonlyMap<number, ReadonlySet<number>> | null {
  const leavesOut = new Map<number, Set<number>>()
  const of = (teller: number) => leavesOut.get(teller) ?? leavesOut.set(teller, new Set()).get(teller) ?? new Set()

  /** Has one more neighbour leave `one` out, moving others about where that one's list is full. */
  const leaveOut = (one: number, tried: Set<number>): boolean => {
    for (const teller of neighboursOf(graph, one)) {
      const list = of(teller)
      if (tried.has(teller) || list.has(one)) continue
      tried.add(teller)
      const isFree = list.size < holders - threshold
      const moved = isFree ? undefined : [...list].find((other) => leaveOut(other, tried))
      if (!isFree && moved === undefined) continue
      if (moved !== undefined) list.delete(moved)
      list.add(one)
      return true
    }
    return false
  }
  for (const one of gone) for (let share = 0; share < threshold; share += 1) if (!leaveOut(one, new Set())) return null
  return leavesOut
}

/** Everybody's bitmap of survivors: all of U2 but whom its list leaves out. */
export function ownSurvivors(
  leavesOut: ReadonlyMap<number, ReadonlySet<number>>,
  shared: readonly number[],
  size: number,
): ReadonlyMap<number, Uint8Array> {
  return new Map(
    shared.map((teller) => [
      teller,
      encodeBitmap(
        shared.filter((index) => !leavesOut.get(teller)?.has(index)),
        size,
      ),
    ]),
  )
}
