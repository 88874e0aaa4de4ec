/**
 * ChaCha20 and Poly1305 straight from RFC 8439 (sections 2.1 to 2.8), HChaCha20 and XChaCha20-Poly1305 from
 * draft-irtf-cfrg-xchacha-03 (sections 2.2 and 2.3). Slow and plain: the second opinion of the vector files.
 */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]
const COLUMNS_AND_DIAGONALS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const

/** Section 2.3: one block of 64 bytes. */
export function chacha20Block(key: Uint8Array, counter: number, nonce: Uint8Array): Uint8Array {
  const initial = [...CONSTANTS, ...littleEndianWords(key), counter >>> 0, ...littleEndianWords(nonce)]
  const mixed = twentyRounds(initial)
  return fromWords(mixed.map((word, place) => (word + initial[place]!) >>> 0))
}

/** The first bytes of the keystream, counter from `counter`. */
export function chacha20Keystream(key: Uint8Array, lengthBytes: number, nonce = new Uint8Array(12), counter = 0) {
  const out = new Uint8Array(lengthBytes)
  for (let at = 0; at < lengthBytes; at += 64) {
    const block = chacha20Block(key, counter + at / 64, nonce)
    out.set(block.subarray(0, Math.min(64, lengthBytes - at)), at)
  }
  return out
}

/** The keystream as lanes: little-endian words of 16 or 32 bits. */
export function keystreamLanes(key: Uint8Array, laneWidth: number, count: number): number[] {
  const width = laneWidth / 8
  const stream = chacha20Keystream(key, count * width)
  return Array.from({ length: count }, (_, lane) => {
    let word = 0
    for (let place = width - 1; place >= 0; place -= 1) word = word * 256 + stream[lane * width + place]!
    return word
  })
}

/** Section 2.5. */
export function poly1305(key: Uint8Array, message: Uint8Array): Uint8Array {
  const prime = (1n << 130n) - 5n
  const r = littleEndian(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn
  let accumulator = 0n
  for (let at = 0; at < message.length; at += 16) {
    const part = message.subarray(at, at + 16)
    const number = littleEndian(part) + (1n << BigInt(8 * part.length))
    accumulator = ((accumulator + number) * r) % prime
  }
  return toLittleEndian(accumulator + littleEndian(key.subarray(16, 32)), 16)
}

/** XChaCha20-Poly1305: ciphertext and tag, without the nonce. */
export function xchacha20Poly1305Seal(input: {
  readonly key: Uint8Array
  readonly nonce: Uint8Array
  readonly plaintext: Uint8Array
  readonly associatedData: Uint8Array
}): Uint8Array {
  const { plaintext, associatedData, nonce } = input
  const key = hchacha20(input.key, nonce.subarray(0, 16))
  const shortNonce = Uint8Array.of(0, 0, 0, 0, ...nonce.subarray(16, 24))
  const stream = chacha20Keystream(key, plaintext.length, shortNonce, 1)
  const ciphertext = plaintext.map((byte, at) => byte ^ stream[at]!)
  const tagged = Buffer.concat([
    padded(associatedData),
    padded(ciphertext),
    toLittleEndian(BigInt(associatedData.length), 8),
    toLittleEndian(BigInt(ciphertext.length), 8),
  ])
  const tag = poly1305(chacha20Block(key, 0, shortNonce).subarray(0, 32), tagged)
  return Uint8Array.of(...ciphertext, ...tag)
}

function hchacha20(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const mixed = twentyRounds([...CONSTANTS, ...littleEndianWords(key), ...littleEndianWords(nonce)])
  return fromWords([...mixed.slice(0, 4), ...mixed.slice(12, 16)])
}

function twentyRounds(initial: readonly number[]): number[] {
  const state = [...initial]
  for (let double = 0; double < 10; double += 1) {
    for (const [a, b, c, d] of COLUMNS_AND_DIAGONALS) quarterRound(state, [a, b, c, d])
  }
  return state
}

/** Section 2.1. */
function quarterRound(s: number[], [a, b, c, d]: readonly [number, number, number, number]): void {
  const step = (to: number, from: number, turned: number, bits: number) => {
    s[to] = (s[to]! + s[from]!) >>> 0
    const mixed = (s[turned]! ^ s[to]!) >>> 0
    s[turned] = ((mixed << bits) | (mixed >>> (32 - bits))) >>> 0
  }
  step(a, b, d, 16)
  step(c, d, b, 12)
  step(a, b, d, 8)
  step(c, d, b, 7)
}

function padded(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(data.length / 16) * 16)
  out.set(data)
  return out
}

function littleEndianWords(data: Uint8Array): number[] {
  return Array.from({ length: data.length / 4 }, (_, word) =>
    Number(littleEndian(data.subarray(4 * word, 4 * word + 4))),
  )
}

function fromWords(words: readonly number[]): Uint8Array {
  return Uint8Array.from(words.flatMap((word) => [...toLittleEndian(BigInt(word), 4)]))
}

export function littleEndian(data: Uint8Array): bigint {
  return data.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n)
}

export function toLittleEndian(value: bigint, lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, place) => Number((value >> BigInt(8 * place)) & 0xffn))
}
