/** A tuple as the vector files show it: its fields by name, its bytes, and its digest where the protocol takes one. */
import { hex } from '../hex.ts'
import { type DescribedTuple, encodeDescribed } from '../reference/tuples.ts'

/**
 * `program` is what the program itself made of the same values: the bytes, where it gives them out, or only their digest;
 * the bytes are then the reference's, and their SHA-256 has to be that digest.
 */
export function shown(tuple: DescribedTuple, program: { readonly encoded?: Uint8Array; readonly digest?: Uint8Array }) {
  const encoded = program.encoded === undefined ? encodeDescribed(tuple) : hex(program.encoded)
  return { ...tuple, encoded, ...(program.digest === undefined ? {} : { sha256: hex(program.digest) }) }
}
