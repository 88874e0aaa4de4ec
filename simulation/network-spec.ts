/** Reads `--network`: `latency=40ms,up=20Mbit,down=100Mbit,loss=0.1%,stragglers=5%`; what is not named keeps its default. */
import { ConfigError } from '../shared/errors.ts'
import { DEFAULT_NETWORK, type NetworkSpec } from './network.ts'

const KEYS: Readonly<Record<string, readonly [keyof NetworkSpec, 'time' | 'rate' | 'part' | 'factor']>> = {
  latency: ['latencyMs', 'time'],
  up: ['up', 'rate'],
  down: ['down', 'rate'],
  coordinator: ['coordinator', 'rate'],
  loss: ['loss', 'part'],
  stragglers: ['stragglers', 'part'],
  slowdown: ['slowdown', 'factor'],
}
const UNITS = {
  time: { ms: 1, s: 1000 },
  rate: { kbit: 1e3, Mbit: 1e6, Gbit: 1e9 },
  part: { '%': 0.01 },
  factor: { '': 1 },
}
const LEAST = { time: 0, rate: 1, part: 0, factor: 1 }
const BOUNDS = {
  time: 'at most 60 s',
  rate: 'more than 0',
  part: 'at most 50 %',
  factor: 'from 1 to 1000',
}
const MOST = { time: 60_000, rate: 1e13, part: 0.5, factor: 1000 }

/** @throws ConfigError naming the first part that cannot be read. */
export function parseNetwork(text: string): NetworkSpec {
  const named = text.split(',').filter((part) => part !== '')
  return { ...DEFAULT_NETWORK, ...Object.fromEntries(named.map(readPart)) }
}

function readPart(part: string): readonly [keyof NetworkSpec, number] {
  const [name = '', value = ''] = part.split('=', 2)
  const known = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined
  if (known === undefined) return refuse(`there is no "${name}"; there are ${Object.keys(KEYS).join(', ')}`)
  const [field, kind] = known
  const units: Readonly<Record<string, number>> = UNITS[kind]
  const [, digits = '', unit = ''] = /^([0-9]+(?:\.[0-9]+)?)(.*)$/.exec(value) ?? []
  const scale = Object.hasOwn(units, unit) ? units[unit] : undefined
  const number = digits === '' || scale === undefined ? Number.NaN : Number(digits) * scale
  if (number >= LEAST[kind] && number <= MOST[kind]) return [field, number]
  const wanted = kind === 'factor' ? 'a number' : `a number with ${Object.keys(units).join(' or ')}`
  return refuse(`${name} is ${wanted}, ${BOUNDS[kind]}, not "${value}"`)
}

function refuse(problem: string): never {
  throw new ConfigError('bad_network', `--network: ${problem}`)
}
