/** A GPU child like the real one, but one bit of the last block of every sum is wrong. */
import { Socket } from 'node:net'
import { openGpu } from '../../../../shared/masks/gpu/adapter.ts'
import { MASK_KERNEL } from '../../../../shared/masks/gpu/kernel.ts'
import { serveMasks } from '../../../../shared/masks/gpu/serve-masks.ts'

const STORE = '  sums[place] = sum;\n'
if (!MASK_KERNEL.includes(STORE)) throw new Error('the kernel stores its sums in another way now')

await serveMasks({
  input: process.stdin,
  output: new Socket({ fd: 3, readable: false, writable: true }),
  kernel: MASK_KERNEL.replace(STORE, `  if (id.x == range.blocks - 1u) { sum.b.z ^= 0x100u; }\n${STORE}`),
  open: () => openGpu({ allowSoftware: true }),
  exit: (code) => process.exit(code),
})
