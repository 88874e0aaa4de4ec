/**
 * Run as a process: masks put on by the engine in one of its settings, keys overwritten (or kept, for the control run), then
 * silence. Says on stdout what the keys were, each byte XOR 0x5a so that the telling itself is not found.
 */
import { randomFillSync } from 'node:crypto'
import { writeSync } from 'node:fs'
import { secretBytes, wipe } from '../../../shared/crypto/secrets.ts'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import type { MaskSeed } from '../../../shared/masks/mask-engine.ts'
import { MaskThreads } from '../../../shared/masks/mask-threads.ts'

const DISGUISE = 0x5a
const [source, where, ending] = process.argv.slice(2)

const seeds = [1, -1, 1].map((sign): MaskSeed => ({ key: secretBytes(32), sign: sign === 1 ? 1 : -1 }))
const told = seeds.map(({ key }) => {
  randomFillSync(key)
  let text = ''
  for (const byte of key) text += (byte ^ DISGUISE).toString(16).padStart(2, '0')
  return text
})
const threads = where === 'threads' ? new MaskThreads({ count: 2 }) : 'none'
const target = new Uint32Array(new SharedArrayBuffer(800_000))
await cpuMaskEngine({ source: source === 'openssl' ? 'openssl' : 'tile', threads }).accumulate(target, seeds)
if (ending === 'forgets') wipe(...seeds.map(({ key }) => key))
writeSync(1, `${JSON.stringify(told)}\n`)
setInterval(() => seeds.length, 1000)
