/** What every participant and the coordinator spent, by stage: processor time of the thread that did the work, and bytes. */

/** The stages of a session, and what comes after the last. */
export const STEPS = [
  'advertise keys',
  'share keys',
  'mask input',
  'attest survivors',
  'reveal shares',
  'unmask',
] as const
export const AFTER_LAST_STAGE = STEPS.length - 1

/**
 * Milliseconds of processor time, user and system, that this thread has used. The collector's helper threads are not in it.
 * Linux brings a running thread's account up to date only at clock ticks, every few milliseconds, but for all threads of a
 * process when the process's own time is asked for: so that is asked for first.
 */
export function threadMs(): number {
  process.cpuUsage()
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

type Column = 'participantMs' | 'instructMs' | 'receiveMs' | 'upBytes' | 'downBytes'

export class Ledger {
  readonly #columns: Readonly<Record<Column, readonly Float64Array[]>>
  readonly #closeMs = new Float64Array(STEPS.length)

  constructor(participants: number) {
    const column = () => STEPS.map(() => new Float64Array(participants))
    this.#columns = {
      participantMs: column(),
      instructMs: column(),
      receiveMs: column(),
      upBytes: column(),
      downBytes: column(),
    }
  }

  add(column: Column, step: number, place: number, amount: number): void {
    const cells = this.#columns[column][step]
    if (cells !== undefined) cells[place] = (cells[place] ?? 0) + amount
  }

  /** What the coordinator did for nobody in particular: closing a stage, taking masks off. */
  addClosing(step: number, ms: number): void {
    this.#closeMs[step] = (this.#closeMs[step] ?? 0) + ms
  }

  cell(column: Column, step: number, place: number): number {
    return this.#columns[column][step]?.[place] ?? 0
  }

  /** One column of one step, a number for each place. */
  column(column: Column, step: number): Float64Array {
    return this.#columns[column][step] ?? new Float64Array(0)
  }

  closingMs(step: number): number {
    return this.#closeMs[step] ?? 0
  }

  coordinatorMs(step: number): number {
    return sum(this.column('instructMs', step)) + sum(this.column('receiveMs', step)) + this.closingMs(step)
  }
}

export function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
