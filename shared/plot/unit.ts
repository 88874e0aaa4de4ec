/** A number on an axis in as few letters as it can be read in: `1,000`, `1 M`, `12 ms`, `1.5 s`, `1.2 MB`, `5 %`. Pure. */

export type Unit = 'count' | 'ms' | 'bytes' | 'part'

/** Names and sizes of a unit's steps, from the smallest up; beyond the last it stays with that one. */
const STEPS: Readonly<Record<Unit, readonly (readonly [scale: number, name: string])[]>> = {
  count: [
    [1, ''],
    [1e6, ' M'],
    [1e9, ' G'],
  ],
  ms: [
    [1e-3, ' µs'],
    [1, ' ms'],
    [1e3, ' s'],
  ],
  bytes: [
    [1, ' B'],
    [1e3, ' kB'],
    [1e6, ' MB'],
    [1e9, ' GB'],
    [1e12, ' TB'],
  ],
  part: [[0.01, ' %']],
}

/** As many digits as a tick has, at most four behind the point. */
export function inUnit(value: number, unit: Unit): string {
  const steps = STEPS[unit]
  const fitting = steps.filter(([scale]) => Math.abs(value) >= scale * 0.999_999).at(-1) ?? steps[0]
  // Nothing is nothing in the plain unit: not 0 µs.
  const [scale, name] = (value === 0 && steps.find(([one]) => one === 1)) || fitting || [1, '']
  return `${(value / scale).toLocaleString('en-US', { maximumFractionDigits: 4 })}${name}`
}
