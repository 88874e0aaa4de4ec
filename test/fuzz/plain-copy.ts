/** A deep copy of a state: bytes, maps and lists are new, functions are the same. Refusing wipes a state in place. */

export function copyPlain<T>(value: T): T {
  // Safety: what comes back has the shape of what went in.
  return copyOf(value) as T
}

function copyOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(copyOf)
  if (value instanceof Map) return new Map([...value].map(([key, entry]) => [key, copyOf(entry)]))
  if (value instanceof Set || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, key === 'setup' ? field : copyOf(field)]))
}
