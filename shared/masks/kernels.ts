/**
 * The WebAssembly module of wasm/kernels: what it exports, and its instances. One instance belongs to one piece of work at a
 * time, since the functions work on the instance's own memory, laid out by the caller above {@link KERNELS_FREE_FROM}.
 */
import { KERNELS_BASE64 } from './generated/kernels.ts'

/** Below stand the module's own scratch (64 bytes from 1024 on) and nothing of the caller's. */
export const KERNELS_FREE_FROM = 2048

/** Places in memory are byte offsets; see wasm/kernels for each function's contract. */
export interface Kernels {
  /** The whole memory, 1 MiB; it grows by nothing but `grow`. */
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  keystream(out: number, blocks: number, key: number, counter: number): void
  addLanes16(target: number, mask: number, lengthBytes: number): void
  addLanes32(target: number, mask: number, lengthBytes: number): void
  subtractLanes16(target: number, mask: number, lengthBytes: number): void
  subtractLanes32(target: number, mask: number, lengthBytes: number): void
  pack16(packed: number, lanes: number, lengthLanes: number, modulusBits: number): void
  pack32(packed: number, lanes: number, lengthLanes: number, modulusBits: number): void
  unpackAdd16(target: number, packed: number, lengthLanes: number, modulusBits: number): void
  unpackAdd32(target: number, packed: number, lengthLanes: number, modulusBits: number): void
  quantize16: Quantize
  quantize32: Quantize
}

type Quantize = (
  lanes: number,
  update: number,
  words: number,
  lengthLanes: number,
  clipFactor: number,
  laneRange: number,
  unitsPerOne: number,
  largest: number,
  laneMask: number,
) => void

/** What is used of the runtime's WebAssembly, for which Node's types have no words. */
declare const WebAssembly: {
  validate(module: Uint8Array): boolean
  readonly Module: new (module: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

let compiled: object | undefined

/** Whether this runtime has WebAssembly with SIMD. */
export function hasKernels(): boolean {
  return typeof WebAssembly === 'object' && (compiled !== undefined || WebAssembly.validate(moduleBytes()))
}

/** A fresh instance, its memory all zero. Ask {@link hasKernels} first. */
export function instantiateKernels(): Kernels {
  compiled ??= new WebAssembly.Module(moduleBytes())
  // Safety: test/shared/masks/kernels.test.ts calls every function there is, with these parameters.
  return new WebAssembly.Instance(compiled).exports as Kernels
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(KERNELS_BASE64, 'base64'))
}
