/** Everything drawn in a simulation, but for keys and seeds of the protocol, follows from its seed: one stream per purpose. */
import { sha256 } from '../shared/crypto/digest.ts'
import { seededUniform } from '../shared/onnx/seeded-numbers.ts'

/** 32 bytes that belong to a seed and a purpose. */
export function seededBytes(seed: number, ...purpose: readonly (string | number)[]): Uint8Array {
  return sha256(Buffer.from(['blindsum simulation', seed, ...purpose].join(' ')))
}

/** Numbers in [0, 1) that belong to a seed and a purpose. */
export function seededNumbers(seed: number, ...purpose: readonly (string | number)[]): () => number {
  return seededUniform(Buffer.from(seededBytes(seed, ...purpose)).readUIntBE(0, 6))
}

/** The numbers 0…count − 1 in a drawn order. */
export function drawnOrder(count: number, uniform: () => number): number[] {
  const order = Array.from({ length: count }, (_, place) => place)
  for (let last = count - 1; last > 0; last -= 1) {
    const chosen = Math.floor(uniform() * (last + 1))
    const [a, b] = [order[last] ?? 0, order[chosen] ?? 0]
    order[last] = b
    order[chosen] = a
  }
  return order
}
