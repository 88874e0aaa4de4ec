/** A GPU child like the real one, that loses its device as soon as the first job has come. */
import { Socket } from 'node:net'
import { openGpu } from '../../../../shared/masks/gpu/adapter.ts'
import { MASK_KERNEL } from '../../../../shared/masks/gpu/kernel.ts'
import { serveMasks } from '../../../../shared/masks/gpu/serve-masks.ts'

await serveMasks({
  input: process.stdin,
  output: new Socket({ fd: 3, readable: false, writable: true }),
  kernel: MASK_KERNEL,
  open: async () => {
    const gpu = await openGpu({ allowSoftware: true })
    process.stdin.once('data', () => setImmediate(() => gpu.device.destroy()))
    return gpu
  },
  exit: (code) => process.exit(code),
})
