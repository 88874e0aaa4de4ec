/**
 * Everything the module exports. The functions work on the module's memory; callers lay it out (shared/masks/kernels.ts).
 * Language: AssemblyScript. `npm run wasm` compiles it.
 */
export { keystream } from './chacha20'
export { addLanes16, addLanes32, subtractLanes16, subtractLanes32 } from './lanes'
export { pack16, pack32, unpackAdd16, unpackAdd32 } from './packing'
export { quantize16, quantize32 } from './quantize'
