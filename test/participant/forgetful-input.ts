/**
 * Run as a process: one masked input made, given up in the middle, or left by its threads; then silence. Says on stdout what
 * was secret, each byte XOR 0x5a so that the telling itself is not found. The control run keeps copies of all of it.
 */
import { randomFillSync } from 'node:crypto'
import { writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { beginMaskedInput } from '../../participant/masked-input.ts'
import { secretBytes, wipe } from '../../shared/crypto/secrets.ts'
import { cpuMaskEngine } from '../../shared/masks/cpu-engine.ts'
import type { MaskSeed } from '../../shared/masks/mask-engine.ts'
import { MaskThreads } from '../../shared/masks/mask-threads.ts'
import type { VectorEncoding } from '../../shared/vector/encoding.ts'
import { prepareUpdate, quantizeRange } from '../../shared/vector/quantize.ts'

const DISGUISE = 0x5a
const [source, where, ending] = process.argv.slice(2)
const isWhole = ending === 'forgets' || ending === 'keeps'
const parameterCount = 400_000
const encoding: VectorEncoding = {
  ...{ parameterCount, scalars: [{ name: 'examples', fractionBits: 0 }], inputBits: 16, modulusBits: 20 },
  ...{ laneRange: 1, clipNorm: 1e6, minWeight: 1, maxWeight: 1000, maxParticipants: 16 },
}
const update = Float32Array.from({ length: parameterCount }, (_, place) => Math.sin(place))
const scalars = {} as { trainLossSum: number; evalExamples: number; evalLossSum: number; evalCorrect: number }
const kept: Uint8Array[] = []
const told: [string, string][] = []

function tell(name: string, secret: Uint8Array): void {
  let text = ''
  for (const byte of secret) text += (byte ^ DISGUISE).toString(16).padStart(2, '0')
  told.push([name, text])
  if (ending === 'keeps') kept.push(new Uint8Array(Buffer.alloc(secret.length, secret).buffer.slice(0)), secret.slice())
}

const roundingSeed = secretBytes(32)
randomFillSync(roundingSeed)
tell('rounding seed', roundingSeed)
// More masks than are done before the abort: of each the key is there from the start.
const masks = Array.from({ length: isWhole ? 3 : 600 }, (_, place): MaskSeed => {
  const key = secretBytes(32)
  randomFillSync(key)
  if (place < 3) tell(`key ${place}`, key)
  return { key, sign: place === 1 ? -1 : 1 }
})
const outcome = prepareUpdate({ update, weight: 700, scalars: {}, encoding, roundingSeed })
if (!outcome.ok) throw new Error(outcome.message)
for (const lane of [0, 200_000, parameterCount - 1000]) {
  const lanes = quantizeRange(outcome.prepared, lane, lane + 1000)
  const bytes = new Uint8Array(lanes.buffer)
  tell(`lanes from ${lane}`, bytes.subarray(0, 40))
  if (ending === 'keeps') kept.push(bytes)
  else wipe(lanes)
}

const threads = where === 'threads' ? new MaskThreads({ count: 2 }) : 'none'
const engine = cpuMaskEngine({ source: source === 'openssl' ? 'openssl' : 'tile', threads })
const stop = new AbortController()
const trained = { update, examples: 700, scalars }
if (ending === 'keeps') kept.push(...masks.map(({ key }) => new Uint8Array(key.buffer.slice(0))))
const growing = beginMaskedInput({ trained, encoding, masks, engine, rng: () => roundingSeed, signal: stop.signal })
if (!isWhole) {
  while (growing.bytes.subarray(0, 64).every((byte) => byte === 0)) await setImmediate()
  if (ending === 'aborts') stop.abort(new Error('the session is over'))
  else if (threads !== 'none') await threads.close()
}
const made = await growing.digest.then(
  () => true,
  () => false,
)
if (made !== isWhole) throw new Error(`it ${made ? 'was' : 'was not'} made`)
for (let turn = 0; turn < 3; turn += 1) {
  globalThis.gc?.()
  await setImmediate()
}
writeSync(1, `${JSON.stringify(told)}\n`)
setInterval(() => kept.length + masks.length + growing.bytes.length, 1000)
