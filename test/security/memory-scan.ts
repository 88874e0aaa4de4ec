/**
 * Looks for byte patterns in everything a process holds: its memory through /proc/PID/mem (every readable and writable
 * mapping, at every offset) and every file below a folder. One pass for all patterns, however many.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** True where another process' memory can be read. */
export const canReadMemory = process.platform === 'linux'

const WINDOW = 1 << 20
const UNTOUCHED = Buffer.alloc(2 * WINDOW)

/** Mixes the eight bytes at a place into the 24 bits by which patterns are looked up. */
const keyOf = (low: number, high: number) => (low ^ Math.imul(high, 0x9e3779b1)) & 0xffffff

export class PatternSet {
  readonly #byKey = new Map<number, { readonly name: string; readonly bytes: Buffer }[]>()
  readonly #mayMatch = new Uint8Array(1 << 24)
  #longest = 0
  #size = 0

  /** At least 8 bytes, or chance would find it. One that begins with eight zeros stands everywhere: it is left out. */
  add(name: string, bytes: Uint8Array): void {
    const pattern = Buffer.from(bytes)
    if (pattern.length < 8) throw new Error(`${name}: a pattern that proves nothing`)
    if (pattern.readBigUInt64LE() === 0n) return
    const key = keyOf(pattern.readInt32LE(0), pattern.readInt32LE(4))
    this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), { name, bytes: pattern }])
    this.#mayMatch[key] = 1
    this.#longest = Math.max(this.#longest, pattern.length)
    this.#size += 1
  }

  get size(): number {
    return this.#size
  }

  get overlap(): number {
    return this.#longest
  }

  /** Names of the patterns that occur in `data`, at any offset. */
  find(data: Buffer): Set<string> {
    const found = new Set<string>()
    if (data.length < 8) return found
    let low = data.readInt32LE(0)
    let high = data.readInt32LE(4)
    for (let at = 0; at <= data.length - 8; at += 1) {
      const key = keyOf(low, high)
      if (this.#mayMatch[key] === 1) {
        for (const { name, bytes } of this.#byKey.get(key) ?? []) {
          if (data.length - at >= bytes.length && bytes.compare(data, at, at + bytes.length) === 0) found.add(name)
        }
      }
      low = (low >>> 8) | (high << 24)
      high = (high >>> 8) | ((data[at + 8] ?? 0) << 24)
    }
    return found
  }
}

/** What of `patterns` stands in the memory of a live process, and how many bytes were read. */
export function scanMemory(pid: number, patterns: PatternSet): { readonly found: Set<string>; readonly bytes: number } {
  const found = new Set<string>()
  let total = 0
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const window = Buffer.alloc(WINDOW + patterns.overlap)
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const mapping = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line)
      if (mapping === null || /\[(vvar|vsyscall)/.test(line)) continue
      const end = Number.parseInt(mapping[2] ?? '', 16)
      for (let at = Number.parseInt(mapping[1] ?? '', 16); at < end; at += WINDOW) {
        const length = readUpTo(memory, window, Math.min(window.length, end - at), at)
        total += Math.min(length, WINDOW)
        // Most of what is mapped was never touched.
        if (window.subarray(0, length).equals(UNTOUCHED.subarray(0, length))) continue
        for (const name of patterns.find(window.subarray(0, length))) found.add(name)
      }
    }
  } finally {
    closeSync(memory)
  }
  return { found, bytes: total }
}

/** What of `patterns` stands in the files below `folder`. */
export function scanFiles(
  folder: string,
  patterns: PatternSet,
): { readonly found: Set<string>; readonly bytes: number } {
  const found = new Set<string>()
  let total = 0
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    try {
      if (!statSync(path).isFile()) continue
      const data = readFileSync(path)
      total += data.length
      for (const hit of patterns.find(data)) found.add(hit)
    } catch (error) {
      // A file may be deleted while the folder is read; anything else is a fault of the test.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return { found, bytes: total }
}

function readUpTo(file: number, into: Buffer, length: number, position: number): number {
  try {
    return readSync(file, into, 0, length, position)
  } catch {
    // Pages that are reserved but were never touched cannot be read; they hold nothing.
    return 0
  }
}
