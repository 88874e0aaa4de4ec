/**
 * Masks on a GPU, overwrites the keys, says the GPU child's id and the keys in disguise, and waits to be looked through.
 * With the argument `busy` it says so in the middle of a long job, while the keys are in use.
 */
import { wipe } from '../../../../shared/crypto/secrets.ts'
import { cpuMaskEngine } from '../../../../shared/masks/cpu-engine.ts'
import { systemRng } from '../../../../shared/random.ts'
import { watchedEngine } from './watched-engine.ts'

const isBusy = process.argv.includes('busy')
const engine = watchedEngine({ cpu: cpuMaskEngine({ threads: 'none' }) })
await engine.adapter()
const keys = [systemRng(32), systemRng(32), systemRng(32)]
const disguised = keys.map((key) => Buffer.from(key.map((byte) => byte ^ 0x5a)).toString('hex'))
const seeds = Array.from({ length: isBusy ? 9000 : 3 }, (_, place) => ({ key: keys[place % 3]!, sign: 1 as const }))
let said = false
const say = () => {
  if (!said) console.log(JSON.stringify({ child: engine.pid, fallbacks: engine.fallbacks.length, disguised }))
  said = true
}
const lanes = new Uint32Array(isBusy ? 4_000_000 : 100_000)
await engine.accumulate(lanes, seeds, isBusy ? { onProgress: say } : {})
wipe(...keys)
say()
setInterval(() => {}, 1000)
