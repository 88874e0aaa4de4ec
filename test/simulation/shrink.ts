/** Makes a failing list smaller for as long as it still breaks the same promise: what is left is what it takes. */
import type { Promised } from './finding.ts'
import type { Operation, OperationList } from './operations.ts'

/** Says which promise a list breaks, or `null`. */
export type Judge = (list: OperationList) => Promise<Promised | null>

/** Lists tried at most. */
const TRIES = 600

export async function shrink(list: OperationList, broken: Promised, judge: Judge): Promise<OperationList> {
  let smallest = list
  let tries = 0
  const holds = async (candidate: OperationList) => {
    tries += 1
    if (tries > TRIES || (await judge(candidate)) !== broken) return false
    smallest = candidate
    return true
  }
  for (let before = -1; before !== weightOf(smallest) && tries < TRIES; ) {
    before = weightOf(smallest)
    await dropOperations(smallest, holds)
    for (let place = 0; place < smallest.operations.length; place += 1) {
      for (const simpler of simplerThan(smallest.operations[place])) {
        const operations = smallest.operations.with(place, simpler)
        if (await holds({ ...smallest, operations })) break
      }
    }
    for (const setup of simplerSetups(smallest)) await holds({ ...smallest, setup })
  }
  return smallest
}

async function dropOperations(list: OperationList, holds: (list: OperationList) => Promise<boolean>): Promise<void> {
  let { operations } = list
  for (let length = Math.ceil(operations.length / 2); length >= 1; length = length === 1 ? 0 : Math.ceil(length / 2)) {
    for (let from = operations.length - length; from > -length; from -= length) {
      const fewer = operations.toSpliced(Math.max(0, from), length + Math.min(0, from))
      if (fewer.length < operations.length && (await holds({ ...list, operations: fewer }))) operations = fewer
    }
  }
}

function simplerThan(operation: Operation | undefined): Operation[] {
  if (operation === undefined) return []
  if (operation.does === 'retry') return [{ ...operation, does: 'hear' }]
  if (operation.does === 'hear' && operation.fate !== 'arrives') {
    const kinder = operation.fate === 'cut' ? (['arrives', 'lost'] as const) : (['arrives'] as const)
    return kinder.map((fate) => ({ ...operation, fate }))
  }
  if (operation.does === 'arrive' && (operation.place > 0 || operation.again)) {
    return [{ does: 'arrive', place: 0, again: false }]
  }
  return []
}

function simplerSetups({ setup }: OperationList): OperationList['setup'][] {
  const plain = {
    ...setup,
    gammaPpm: 0,
    minimumCohort: 3,
    targetCohort: setup.size,
    modulusBits: 8,
    ending: 'calm' as const,
  }
  const smaller = Array.from({ length: Math.max(0, setup.size - 3) }, (_, less) => less + 3)
    .filter((size) => size < 10 === setup.size < 10)
    .map((size) => ({ ...plain, size, targetCohort: size }))
  return [{ ...plain, run: 1 }, ...smaller].filter((one) => JSON.stringify(one) !== JSON.stringify(setup))
}

/** So that shrinking goes on exactly as long as something gets smaller. */
function weightOf({ operations, setup }: OperationList): number {
  const faults = operations.filter((one) => 'fate' in one && one.fate !== 'arrives').length
  return operations.length * 1000 + faults * 100 + setup.size
}
