/** Masks on and off: lanes plus or minus words, mod 2^16 or 2^32, 64 bytes at a time. */

/** target += mask over 16-bit lanes; `lengthBytes` is a multiple of 64. */
export function addLanes16(target: usize, mask: usize, lengthBytes: usize): void {
  for (const end = target + lengthBytes; target < end; target += 64, mask += 64) {
    v128.store(target, i16x8.add(v128.load(target), v128.load(mask)))
    v128.store(target, i16x8.add(v128.load(target, 16), v128.load(mask, 16)), 16)
    v128.store(target, i16x8.add(v128.load(target, 32), v128.load(mask, 32)), 32)
    v128.store(target, i16x8.add(v128.load(target, 48), v128.load(mask, 48)), 48)
  }
}

/** target −= mask over 16-bit lanes; `lengthBytes` is a multiple of 64. */
export function subtractLanes16(target: usize, mask: usize, lengthBytes: usize): void {
  for (const end = target + lengthBytes; target < end; target += 64, mask += 64) {
    v128.store(target, i16x8.sub(v128.load(target), v128.load(mask)))
    v128.store(target, i16x8.sub(v128.load(target, 16), v128.load(mask, 16)), 16)
    v128.store(target, i16x8.sub(v128.load(target, 32), v128.load(mask, 32)), 32)
    v128.store(target, i16x8.sub(v128.load(target, 48), v128.load(mask, 48)), 48)
  }
}

/** target += mask over 32-bit lanes; `lengthBytes` is a multiple of 64. */
export function addLanes32(target: usize, mask: usize, lengthBytes: usize): void {
  for (const end = target + lengthBytes; target < end; target += 64, mask += 64) {
    v128.store(target, i32x4.add(v128.load(target), v128.load(mask)))
    v128.store(target, i32x4.add(v128.load(target, 16), v128.load(mask, 16)), 16)
    v128.store(target, i32x4.add(v128.load(target, 32), v128.load(mask, 32)), 32)
    v128.store(target, i32x4.add(v128.load(target, 48), v128.load(mask, 48)), 48)
  }
}

/** target −= mask over 32-bit lanes; `lengthBytes` is a multiple of 64. */
export function subtractLanes32(target: usize, mask: usize, lengthBytes: usize): void {
  for (const end = target + lengthBytes; target < end; target += 64, mask += 64) {
    v128.store(target, i32x4.sub(v128.load(target), v128.load(mask)))
    v128.store(target, i32x4.sub(v128.load(target, 16), v128.load(mask, 16)), 16)
    v128.store(target, i32x4.sub(v128.load(target, 32), v128.load(mask, 32)), 32)
    v128.store(target, i32x4.sub(v128.load(target, 48), v128.load(mask, 48)), 48)
  }
}
