/**
 * The sparse neighbour graph: a Fisher–Yates shuffle of 1…n from the end, drawn from the ChaCha20 keystream (nonce zero,
 * counter 0) of the graph seed as little-endian 32-bit words with rejection, then a ring in which everybody's neighbours
 * are the k/2 places on either side.
 */
import { bytes } from '../hex.ts'
import { chacha20Block } from './chacha20.ts'

/** The indices in ring order. `words` is how many words were drawn, rejected ones included. */
export function ringOrder(seed: string, participants: number): { readonly order: number[]; readonly words: number } {
  const order = Array.from({ length: participants }, (_, place) => place + 1)
  const key = bytes(seed)
  let words = 0
  const nextWord = () => {
    const block = chacha20Block(key, Math.floor(words / 16), new Uint8Array(12))
    const at = 4 * (words % 16)
    words += 1
    return block[at]! + 256 * block[at + 1]! + 65536 * block[at + 2]! + 16777216 * block[at + 3]!
  }
  for (let i = participants - 1; i >= 1; i -= 1) {
    const fair = 2 ** 32 - (2 ** 32 % (i + 1))
    let word = nextWord()
    while (word >= fair) word = nextWord()
    const j = word % (i + 1)
    const [atI, atJ] = [order[i]!, order[j]!]
    order[i] = atJ
    order[j] = atI
  }
  return { order, words }
}

/** The neighbours of one index, ascending. */
export function ringNeighbours(order: readonly number[], index: number, degree: number): number[] {
  const place = order.indexOf(index)
  const neighbours: number[] = []
  for (let step = 1; step <= degree / 2; step += 1) {
    neighbours.push(order[(place + step) % order.length]!, order[(place - step + order.length) % order.length]!)
  }
  return neighbours.sort((a, b) => a - b)
}
