/** Compares generated vector files with the stored ones. */
import { existsSync, readFileSync } from 'node:fs'

export interface Difference {
  readonly name: string
  /** The first line that differs, in words. */
  readonly message: string
}

/** The stored text of a vector file; empty when there is none. */
export function storedVectors(name: string): string {
  const path = new URL(name, import.meta.url)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** Every file whose stored text is not what was made. */
export function differences(
  made: ReadonlyMap<string, string>,
  stored: (name: string) => string = storedVectors,
): readonly Difference[] {
  return [...made].flatMap(([name, text]) => {
    const before = stored(name)
    return before === text ? [] : [{ name, message: firstDifference(before, text) }]
  })
}

function firstDifference(stored: string, made: string): string {
  const [before, after] = [stored.split('\n'), made.split('\n')]
  const line = after.findIndex((text, place) => text !== before[place])
  const at = line < 0 ? after.length : line
  const cut = (text: string | undefined) => (text === undefined ? '(nothing)' : text.trim().slice(0, 80))
  return `differs from line ${at + 1}: stored ${cut(before[at])}, made ${cut(after[at])}`
}
