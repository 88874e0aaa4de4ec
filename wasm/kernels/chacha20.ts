/**
 * ChaCha20 (RFC 8439, section 2.4) with a zero nonce, four blocks abreast: vector i holds word i of four blocks in a row.
 */

/** The words of "expand 32-byte k". */
const CONSTANT_0: i32 = 0x61707865
const CONSTANT_1: i32 = 0x3320646e
const CONSTANT_2: i32 = 0x79622d32
const CONSTANT_3: i32 = 0x6b206574

const DOUBLE_ROUNDS = 10

/**
 * Writes `blocks` blocks of 64 bytes, a multiple of four, from block `counter` on. `key` points at 32 bytes. The caller sees
 * to it that the counter does not wrap.
 */
export function keystream(out: usize, blocks: u32, key: usize, counter: u32): void {
  const k0 = v128.load32_splat(key)
  const k1 = v128.load32_splat(key, 4)
  const k2 = v128.load32_splat(key, 8)
  const k3 = v128.load32_splat(key, 12)
  const k4 = v128.load32_splat(key, 16)
  const k5 = v128.load32_splat(key, 20)
  const k6 = v128.load32_splat(key, 24)
  const k7 = v128.load32_splat(key, 28)
  let counters = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3))
  for (let done: u32 = 0; done < blocks; done += 4) {
    let x0 = i32x4.splat(CONSTANT_0)
    let x1 = i32x4.splat(CONSTANT_1)
    let x2 = i32x4.splat(CONSTANT_2)
    let x3 = i32x4.splat(CONSTANT_3)
    let x4 = k0
    let x5 = k1
    let x6 = k2
    let x7 = k3
    let x8 = k4
    let x9 = k5
    let x10 = k6
    let x11 = k7
    let x12 = counters
    let x13 = i32x4.splat(0)
    let x14 = i32x4.splat(0)
    let x15 = i32x4.splat(0)
    for (let round = 0; round < DOUBLE_ROUNDS; round += 1) {
      // The columns: quarter rounds of (0, 4, 8, 12) to (3, 7, 11, 15), step by step side by side.
      x0 = i32x4.add(x0, x4); x12 = rotate16(v128.xor(x12, x0))
      x1 = i32x4.add(x1, x5); x13 = rotate16(v128.xor(x13, x1))
      x2 = i32x4.add(x2, x6); x14 = rotate16(v128.xor(x14, x2))
      x3 = i32x4.add(x3, x7); x15 = rotate16(v128.xor(x15, x3))
      x8 = i32x4.add(x8, x12); x4 = rotate12(v128.xor(x4, x8))
      x9 = i32x4.add(x9, x13); x5 = rotate12(v128.xor(x5, x9))
      x10 = i32x4.add(x10, x14); x6 = rotate12(v128.xor(x6, x10))
      x11 = i32x4.add(x11, x15); x7 = rotate12(v128.xor(x7, x11))
      x0 = i32x4.add(x0, x4); x12 = rotate8(v128.xor(x12, x0))
      x1 = i32x4.add(x1, x5); x13 = rotate8(v128.xor(x13, x1))
      x2 = i32x4.add(x2, x6); x14 = rotate8(v128.xor(x14, x2))
      x3 = i32x4.add(x3, x7); x15 = rotate8(v128.xor(x15, x3))
      x8 = i32x4.add(x8, x12); x4 = rotate7(v128.xor(x4, x8))
      x9 = i32x4.add(x9, x13); x5 = rotate7(v128.xor(x5, x9))
      x10 = i32x4.add(x10, x14); x6 = rotate7(v128.xor(x6, x10))
      x11 = i32x4.add(x11, x15); x7 = rotate7(v128.xor(x7, x11))
      // The diagonals: (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14).
      x0 = i32x4.add(x0, x5); x15 = rotate16(v128.xor(x15, x0))
      x1 = i32x4.add(x1, x6); x12 = rotate16(v128.xor(x12, x1))
      x2 = i32x4.add(x2, x7); x13 = rotate16(v128.xor(x13, x2))
      x3 = i32x4.add(x3, x4); x14 = rotate16(v128.xor(x14, x3))
      x10 = i32x4.add(x10, x15); x5 = rotate12(v128.xor(x5, x10))
      x11 = i32x4.add(x11, x12); x6 = rotate12(v128.xor(x6, x11))
      x8 = i32x4.add(x8, x13); x7 = rotate12(v128.xor(x7, x8))
      x9 = i32x4.add(x9, x14); x4 = rotate12(v128.xor(x4, x9))
      x0 = i32x4.add(x0, x5); x15 = rotate8(v128.xor(x15, x0))
      x1 = i32x4.add(x1, x6); x12 = rotate8(v128.xor(x12, x1))
      x2 = i32x4.add(x2, x7); x13 = rotate8(v128.xor(x13, x2))
      x3 = i32x4.add(x3, x4); x14 = rotate8(v128.xor(x14, x3))
      x10 = i32x4.add(x10, x15); x5 = rotate7(v128.xor(x5, x10))
      x11 = i32x4.add(x11, x12); x6 = rotate7(v128.xor(x6, x11))
      x8 = i32x4.add(x8, x13); x7 = rotate7(v128.xor(x7, x8))
      x9 = i32x4.add(x9, x14); x4 = rotate7(v128.xor(x4, x9))
    }
    storeWords(
      out,
      i32x4.add(x0, i32x4.splat(CONSTANT_0)),
      i32x4.add(x1, i32x4.splat(CONSTANT_1)),
      i32x4.add(x2, i32x4.splat(CONSTANT_2)),
      i32x4.add(x3, i32x4.splat(CONSTANT_3)),
    )
    storeWords(out + 16, i32x4.add(x4, k0), i32x4.add(x5, k1), i32x4.add(x6, k2), i32x4.add(x7, k3))
    storeWords(out + 32, i32x4.add(x8, k4), i32x4.add(x9, k5), i32x4.add(x10, k6), i32x4.add(x11, k7))
    storeWords(out + 48, i32x4.add(x12, counters), x13, x14, x15)
    counters = i32x4.add(counters, i32x4.splat(4))
    out += 256
  }
}

/** Four words in a row of four blocks, which lie 64 bytes apart: a 4 × 4 transposition. */
// @ts-ignore: decorator
@inline
function storeWords(out: usize, a: v128, b: v128, c: v128, d: v128): void {
  const lowAb = v128.shuffle<i32>(a, b, 0, 4, 1, 5)
  const highAb = v128.shuffle<i32>(a, b, 2, 6, 3, 7)
  const lowCd = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
  const highCd = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
  v128.store(out, v128.shuffle<i64>(lowAb, lowCd, 0, 2))
  v128.store(out, v128.shuffle<i64>(lowAb, lowCd, 1, 3), 64)
  v128.store(out, v128.shuffle<i64>(highAb, highCd, 0, 2), 128)
  v128.store(out, v128.shuffle<i64>(highAb, highCd, 1, 3), 192)
}

// @ts-ignore: decorator
@inline
function rotate16(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)
}

// @ts-ignore: decorator
@inline
function rotate8(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14)
}

// @ts-ignore: decorator
@inline
function rotate12(x: v128): v128 {
  return v128.or(i32x4.shl(x, 12), i32x4.shr_u(x, 20))
}

// @ts-ignore: decorator
@inline
function rotate7(x: v128): v128 {
  return v128.or(i32x4.shl(x, 7), i32x4.shr_u(x, 25))
}
