/**
 * The yardstick of the mask benchmarks: how fast this machine's OpenSSL makes ChaCha20 keystream at this moment, in bytes
 * per second of CPU. To be asked anew before every measurement that is compared with it.
 */
import { execFile } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { promisify } from 'node:util'

const BLOCK_BYTES = 65_536
const SPEED_ARGUMENTS = ['speed', '-mr', '-seconds', '1', '-bytes', String(BLOCK_BYTES), '-evp', 'chacha20']

export interface Yardstick {
  readonly by: 'openssl speed' | 'node:crypto'
  /** Bytes per CPU second, measured now. */
  readonly measure: () => Promise<number>
}

/** `openssl speed` where the program is installed; else node's own OpenSSL, and it says so. */
export async function findYardstick(): Promise<Yardstick> {
  try {
    await opensslSpeed()
    return { by: 'openssl speed', measure: opensslSpeed }
  } catch {
    return { by: 'node:crypto', measure: async () => nodeSpeed() }
  }
}

async function opensslSpeed(): Promise<number> {
  const { stdout } = await promisify(execFile)('openssl', SPEED_ARGUMENTS)
  const rate = Number(/^\+F:\d+:ChaCha20:([\d.]+)/im.exec(stdout)?.[1])
  if (!(rate > 0)) throw new Error('openssl speed printed no rate')
  return rate
}

/** One cipher, its output given back each time: the most that can be had through node:crypto. */
function nodeSpeed(): number {
  const cipher = createCipheriv('chacha20', new Uint8Array(32), new Uint8Array(16))
  const zeros = new Uint8Array(BLOCK_BYTES)
  const before = process.cpuUsage()
  let doneBytes = 0
  for (;;) {
    for (let call = 0; call < 1000; call += 1) {
      const { buffer } = cipher.update(zeros)
      if (buffer instanceof ArrayBuffer) buffer.transfer(0)
    }
    doneBytes += 1000 * BLOCK_BYTES
    const { user, system } = process.cpuUsage(before)
    if (user + system > 500_000) return (doneBytes * 1e6) / (user + system)
  }
}
