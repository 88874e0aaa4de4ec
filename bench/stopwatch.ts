/** CPU time of this process, user and system, added up by name: on a shared machine the clock on the wall says little. */

export class Stopwatch {
  readonly #spentMs = new Map<string, number>()

  /** Does the work and books its CPU time. */
  time<T>(name: string, work: () => T): T {
    const before = process.cpuUsage()
    const result = work()
    this.#book(name, before)
    return result
  }

  async timeAsync<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = process.cpuUsage()
    const result = await work()
    this.#book(name, before)
    return result
  }

  /** What was booked under each name, divided by `count`, in the order of the first booking. */
  milliseconds(count = 1): ReadonlyMap<string, number> {
    return new Map([...this.#spentMs].map(([name, spent]) => [name, spent / count]))
  }

  #book(name: string, before: NodeJS.CpuUsage): void {
    const { user, system } = process.cpuUsage(before)
    this.#spentMs.set(name, (this.#spentMs.get(name) ?? 0) + (user + system) / 1000)
  }
}
