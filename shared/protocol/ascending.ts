/** Roster indices in ascending order: how sets of participants are held, and how one finds its way in them. */

/** The place of what has this index in a list in index order, or −1. O(log n). */
export function placeOf<Item>(inOrder: readonly Item[], index: number, indexOf: (item: Item) => number): number {
  let [low, high] = [0, inOrder.length - 1]
  while (low <= high) {
    const middle = (low + high) >> 1
    // Safety: middle lies between two places of the list.
    const found = indexOf(inOrder[middle]!)
    if (found === index) return middle
    if (found < index) low = middle + 1
    else high = middle - 1
  }
  return -1
}

/** Whether `index` stands in an ascending list. */
export function isIn(ascending: readonly number[], index: number): boolean {
  return placeOf(ascending, index, (one) => one) >= 0
}

/** Any numbers, ascending. */
export function ascending(numbers: Iterable<number>): readonly number[] {
  return [...numbers].sort((a, b) => a - b)
}

/** Whether two lists hold the same numbers in the same order. */
export function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, place) => value === b[place])
}
