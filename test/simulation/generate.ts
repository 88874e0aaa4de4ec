/** Rolls lists: sessions walked stage by stage, as they would be, with as many faults as the list has been given. */
import { type Dice, dice } from '../fuzz/dice.ts'
import type { Fate, Operation, OperationList, SimulatedSetup } from './operations.ts'

/** Sizes to roll from, each as often as it stands there. */
export type Sizes = readonly number[]

export const COMPLETE_SIZES: Sizes = [3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 7, 8, 9]
export const RING_SIZES: Sizes = [21, 22, 24, 28]

/** List number `number` of a seed: the same on every machine. */
export function rollList(seed: number, number: number, sizes: Sizes): OperationList {
  const die = dice(seed, number)
  const setup = rollSetup(die, sizes)
  const trouble = rollTroubles(die, setup.size)
  const operations = rollSession(die, setup.size, trouble)
  while (die.chance(0.15)) operations.push(rollOpening(die, setup.size), ...rollSession(die, setup.size, trouble))
  if (die.chance(0.12)) addRewinds(die, operations, setup.size)
  return { setup, operations }
}

/** How often a site is troubled in a stage, and how often something happens besides. */
interface Troubles {
  readonly of: readonly number[]
  readonly accidents: number
}

/** Either everybody has its share of faults, or a few have most of them, so that the others can do without. */
function rollTroubles(die: Dice, size: number): Troubles {
  const everybody = Array.from({ length: size }, (_, place) => place)
  if (die.chance(0.35)) {
    const faults = die.pick([0.02, 0.05, 0.1, 0.2, 0.4])
    return { of: everybody.map(() => faults), accidents: faults / 3 }
  }
  const few = shuffled(die, size).slice(0, 1 + die.roll(Math.max(1, Math.floor(size / 3))))
  return { of: everybody.map((place) => (few.includes(place) ? 0.4 : 0)), accidents: die.pick([0.01, 0.03]) }
}

function rollSetup(die: Dice, sizes: Sizes): SimulatedSetup {
  const size = die.pick(sizes)
  const gammaPpm = size >= 5 && size < 10 && die.chance(0.3) ? 100_000 : 0
  return {
    size,
    gammaPpm,
    minimumCohort: die.pick(size < 5 ? [2, 3] : [2, 3, 3]),
    targetCohort: size > 3 && die.chance(0.15) ? size - 1 : size,
    modulusBits: die.pick([8, 13, 16, 20, 32]),
    run: die.roll(1000),
    ending: die.chance(0.7) ? 'calm' : 'closes',
  }
}

function rollOpening(die: Dice, size: number): Operation {
  const all = Array.from({ length: size }, (_, place) => place)
  const fresh = die.pick([all, all, all.filter(() => die.chance(0.5)), []])
  return { does: 'open', fresh, isSameModel: die.chance(0.7) }
}

function rollSession(die: Dice, size: number, { of, accidents }: Troubles): Operation[] {
  const operations: Operation[] = []
  const stages = die.pick([1, 2, 3, 4, 5, 5, 5, 5])
  for (let stage = 0; stage < stages; stage += 1) {
    const sites = shuffled(die, size)
    // A stage may close early: then not everybody has heard of it.
    const heard = die.chance(accidents) ? sites.slice(0, die.roll(size)) : sites
    const troubled: number[] = []
    for (const site of heard) {
      if (die.chance(of[site] ?? 0)) {
        operations.push(...rollTrouble(die, site))
        troubled.push(site)
      } else operations.push({ does: 'hear', site, fate: 'arrives' })
      if (die.chance(accidents)) operations.push(rollAccident(die, size))
    }
    for (const site of troubled) {
      if (die.chance(0.5)) operations.push({ does: die.pick(['retry', 'hear']), site, fate: 'arrives' })
    }
    operations.push({ does: 'close' })
    // What the network kept in this stage comes in the next.
    if (troubled.length > 0 && die.chance(0.4)) operations.push(rollArrival(die))
    if (die.chance(accidents)) operations.push(rollAccident(die, size))
  }
  return operations
}

const FATES: readonly Fate[] = ['lost', 'cut', 'unanswered', 'copied', 'held', 'held', 'copied']

function rollTrouble(die: Dice, site: number): Operation[] {
  switch (die.roll(10)) {
    case 0:
      return [{ does: 'miss', site }]
    case 1:
    case 2:
      return [{ does: 'crash', site, after: die.roll(5) }]
    case 3:
      return [
        { does: 'hear', site, fate: die.pick(FATES) },
        { does: 'hear', site, fate: die.pick(FATES) },
      ]
    case 4:
      return [
        { does: 'hear', site, fate: 'arrives' },
        { does: 'crash', site, after: die.roll(3) },
        { does: 'hear', site, fate: die.pick([...FATES, 'arrives']) },
      ]
    case 5:
      return [
        { does: 'hear', site, fate: 'arrives' },
        { does: 'hear', site, fate: 'arrives' },
      ]
    default:
      return [{ does: 'hear', site, fate: die.pick(FATES) }]
  }
}

const MINUTE_MS = 60_000

function rollAccident(die: Dice, size: number): Operation {
  const site = die.roll(size)
  switch (die.roll(16)) {
    case 0:
      return { does: 'leave', site }
    case 1:
      return { does: 'cancel' }
    case 2:
      return { does: 'close' }
    case 3:
      return { does: 'set-clock', site, byMs: die.pick([-11, -6, -4, -1, 1, 4, 6, 11]) * MINUTE_MS }
    case 4:
      return { does: 'set-clock', site: null, byMs: die.pick([-11, -6, -4, -1, 1, 4, 6, 11]) * MINUTE_MS }
    case 5:
      return { does: 'wait', ms: die.pick([1, 60_000, 299_999, 300_000, 600_000]) }
    case 6:
      return { does: 'recall', site, back: die.roll(4) }
    case 7:
      return { does: 'retry', site, fate: die.pick(FATES) }
    case 8:
    case 9:
    case 10:
      return { does: 'restart-coordinator' }
    default:
      return rollArrival(die)
  }
}

function rollArrival(die: Dice): Operation {
  return { does: 'arrive', place: die.roll(8), again: die.chance(0.3) }
}

/** The coordinator forgets once or twice; whom it asks again may then be others. */
function addRewinds(die: Dice, operations: Operation[], size: number): void {
  for (let times = 1 + die.roll(2); times > 0; times -= 1) {
    const place = die.roll(operations.length + 1)
    const asked = die.chance(0.5) ? shuffled(die, size) : []
    const again = asked.map((site): Operation => ({ does: 'hear', site, fate: 'arrives' }))
    operations.splice(place, 0, { does: 'rewind-coordinator', back: 1 + die.roll(10) }, ...again)
  }
}

function shuffled(die: Dice, size: number): number[] {
  const sites = Array.from({ length: size }, (_, place) => place)
  for (let last = size - 1; last > 0; last -= 1) {
    const chosen = die.roll(last + 1)
    const [a, b] = [sites[last] ?? 0, sites[chosen] ?? 0]
    sites[last] = b
    sites[chosen] = a
  }
  return sites
}
