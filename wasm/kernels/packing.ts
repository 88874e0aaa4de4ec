/**
 * The wire form of lanes: low m bits of each, one after the other, least significant first, little-endian; as
 * shared/vector/packing.ts, which is the reference. Ranges start at a multiple of 8 lanes, which are m whole bytes.
 */

/** Up to so many bits, a lane and the bits before it in its first byte fit 32. */
const GATHERED_BITS: u32 = 25
/** Up to so many bits, two lanes and the bits before them in their first byte fit 64. */
const PAIRED_BITS: u32 = 28

/** For either half of a group: the bytes that hold its four lanes, and what moves each lane to the top of its word. */
const scratch = memory.data(64, 16)

/**
 * target[i] += the i-th packed lane, over 32-bit lanes, m = 8…32. Works in groups of 8 lanes: touches target up to the next
 * multiple of 8 lanes, and reads up to 16 bytes behind the packed ones.
 */
export function unpackAdd32(target: usize, packed: usize, lengthLanes: u32, modulusBits: u32): void {
  const groups = (lengthLanes + 7) >> 3
  if (modulusBits > GATHERED_BITS) return unpackWide(target, packed, groups << 3, modulusBits)
  prepareHalf(scratch, modulusBits, 0)
  prepareHalf(scratch + 32, modulusBits, (4 * modulusBits) & 7)
  const firstBytes = v128.load(scratch)
  const firstFactors = v128.load(scratch, 16)
  const secondBytes = v128.load(scratch, 32)
  const secondFactors = v128.load(scratch, 48)
  const secondHalf: usize = (4 * modulusBits) >> 3
  const spareBits = 32 - modulusBits
  for (let group: u32 = 0; group < groups; group += 1) {
    const first = halfGroup(v128.load(packed), firstBytes, firstFactors, spareBits)
    const second = halfGroup(v128.load(packed + secondHalf), secondBytes, secondFactors, spareBits)
    v128.store(target, i32x4.add(v128.load(target), first))
    v128.store(target, i32x4.add(v128.load(target, 16), second), 16)
    packed += modulusBits
    target += 32
  }
}

/** {@link unpackAdd32} over 16-bit lanes, m = 8…16. */
export function unpackAdd16(target: usize, packed: usize, lengthLanes: u32, modulusBits: u32): void {
  const groups = (lengthLanes + 7) >> 3
  prepareHalf(scratch, modulusBits, 0)
  prepareHalf(scratch + 32, modulusBits, (4 * modulusBits) & 7)
  const firstBytes = v128.load(scratch)
  const firstFactors = v128.load(scratch, 16)
  const secondBytes = v128.load(scratch, 32)
  const secondFactors = v128.load(scratch, 48)
  const secondHalf: usize = (4 * modulusBits) >> 3
  const spareBits = 32 - modulusBits
  for (let group: u32 = 0; group < groups; group += 1) {
    const first = halfGroup(v128.load(packed), firstBytes, firstFactors, spareBits)
    const second = halfGroup(v128.load(packed + secondHalf), secondBytes, secondFactors, spareBits)
    v128.store(target, i16x8.add(v128.load(target), i16x8.narrow_i32x4_u(first, second)))
    packed += modulusBits
    target += 16
  }
}

/** Packs the low m bits of 32-bit lanes, m = 8…32. Writes up to 8 bytes behind the last packed one. */
export function pack32(packed: usize, lanes: usize, lengthLanes: u32, modulusBits: u32): void {
  if (modulusBits > PAIRED_BITS) return packWide(packed, lanes, lengthLanes, modulusBits)
  const low: u64 = (1 << (modulusBits as u64)) - 1
  const high: u64 = low << modulusBits
  const gap: u64 = 32 - modulusBits
  const pairBits: u64 = 2 * modulusBits
  let pending: u64 = 0
  let pendingBits: u64 = 0
  for (const end = lanes + ((lengthLanes as usize & ~1) << 2); lanes < end; lanes += 8) {
    const two = load<u64>(lanes)
    pending |= ((two & low) | ((two >> gap) & high)) << pendingBits
    // Stored whole, and stepped over as far as it is whole bytes: no branch to predict.
    store<u64>(packed, pending)
    pendingBits += pairBits
    packed += (pendingBits >> 3) as usize
    pending >>= pendingBits & ~7
    pendingBits &= 7
  }
  if (lengthLanes & 1) pending |= ((load<u32>(lanes) as u64) & low) << pendingBits
  store<u64>(packed, pending)
}

/** {@link pack32} from 16-bit lanes, m = 8…16. */
export function pack16(packed: usize, lanes: usize, lengthLanes: u32, modulusBits: u32): void {
  const low: u64 = (1 << (modulusBits as u64)) - 1
  const high: u64 = low << modulusBits
  const gap: u64 = 16 - modulusBits
  const pairBits: u64 = 2 * modulusBits
  let pending: u64 = 0
  let pendingBits: u64 = 0
  for (const end = lanes + ((lengthLanes as usize & ~1) << 1); lanes < end; lanes += 4) {
    const two = load<u32>(lanes) as u64
    pending |= ((two & low) | ((two >> gap) & high)) << pendingBits
    store<u64>(packed, pending)
    pendingBits += pairBits
    packed += (pendingBits >> 3) as usize
    pending >>= pendingBits & ~7
    pendingBits &= 7
  }
  if (lengthLanes & 1) pending |= ((load<u16>(lanes) as u64) & low) << pendingBits
  store<u64>(packed, pending)
}

/** Lanes of 29 to 32 bits, one at a time. */
function packWide(packed: usize, lanes: usize, lengthLanes: u32, modulusBits: u32): void {
  const mask: u64 = (1 << (modulusBits as u64)) - 1
  let pending: u64 = 0
  let pendingBits: u64 = 0
  for (const end = lanes + ((lengthLanes as usize) << 2); lanes < end; lanes += 4) {
    pending |= ((load<u32>(lanes) as u64) & mask) << pendingBits
    store<u64>(packed, pending)
    pendingBits += modulusBits
    packed += (pendingBits >> 3) as usize
    pending >>= pendingBits & ~7
    pendingBits &= 7
  }
  store<u64>(packed, pending)
}

/** For four lanes that start `skipBits` into a vector: the bytes that hold each, and the factor that moves it to the top. */
function prepareHalf(into: usize, modulusBits: u32, skipBits: u32): void {
  for (let lane: u32 = 0; lane < 4; lane += 1) {
    const bit = skipBits + lane * modulusBits
    for (let byte: u32 = 0; byte < 4; byte += 1) store<u8>(into + lane * 4 + byte, (bit >> 3) + byte)
    store<u32>(into + 16 + lane * 4, (1 as u32) << (32 - modulusBits - (bit & 7)))
  }
}

/** Four lanes: gathered into words, moved to the top, and down again without what stood around them. */
// @ts-ignore: decorator
@inline
function halfGroup(bytes: v128, indices: v128, factors: v128, spareBits: u32): v128 {
  return i32x4.shr_u(i32x4.mul(v128.swizzle(bytes, indices), factors), spareBits)
}

/** Lanes of 26 to 32 bits, which may touch five bytes. */
function unpackWide(target: usize, packed: usize, lengthLanes: u32, modulusBits: u32): void {
  const mask: u64 = (1 << (modulusBits as u64)) - 1
  let bit: usize = 0
  for (const end = target + ((lengthLanes as usize) << 2); target < end; target += 4) {
    const lane = (load<u64>(packed + (bit >> 3)) >> (bit & 7)) & mask
    store<u32>(target, load<u32>(target) + (lane as u32))
    bit += modulusBits
  }
}
