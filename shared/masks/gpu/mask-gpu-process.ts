/**
 * The GPU child process. Frames come in on standard input and go out on descriptor 3; standard error is Dawn's and the
 * driver's to speak on. Keys come by no other way than the first.
 */
import { Socket } from 'node:net'
import { openGpu } from './adapter.ts'
import { MASK_KERNEL } from './kernel.ts'
import { serveMasks } from './serve-masks.ts'

await serveMasks({
  input: process.stdin,
  output: new Socket({ fd: 3, readable: false, writable: true }),
  kernel: MASK_KERNEL,
  open: () => openGpu({ allowSoftware: process.argv.includes('--allow-software-adapter') }),
  exit: (code) => process.exit(code),
})
