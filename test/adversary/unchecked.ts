/**
 * How an attack's test switches a check off: nothing in the code can, so the test file replaces the one function that every
 * refusal goes through. Codes named in `withoutChecks` are then not refused while its work runs, and what would have been is
 * handed back, so that a test can say which check alone stood in the way. A test file that wants this begins with
 *
 *   vi.mock('../../shared/protocol/refusal.ts', async (original) => (await import('./unchecked.ts')).uncheckable(await original()))
 */
import type * as refusals from '../../shared/protocol/refusal.ts'
import type { RefusalCode } from '../../shared/protocol/refusal-codes.ts'

/** How often each check that was off would have refused. */
export type Passed = Readonly<Partial<Record<RefusalCode, number>>>

const off = new Set<RefusalCode>()
const passed = new Map<RefusalCode, number>()

/** The module of refusals, with a `refuseIf` that lets pass what is switched off. `refuse` stays: code after it relies on it. */
export function uncheckable(real: typeof refusals): typeof refusals {
  return {
    ...real,
    refuseIf(condition, code, message) {
      if (condition && off.has(code)) passed.set(code, (passed.get(code) ?? 0) + 1)
      else real.refuseIf(condition, code, message)
    },
  }
}

/** Does the work with these checks off, and says which of them would have refused, how often. */
export async function withoutChecks(codes: readonly RefusalCode[], work: () => Promise<void>): Promise<Passed> {
  for (const code of codes) off.add(code)
  passed.clear()
  try {
    await work()
    return Object.fromEntries(passed)
  } finally {
    off.clear()
  }
}
