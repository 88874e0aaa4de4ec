/** UTF-8 text inside a model. Names that are not valid UTF-8 are refused, for two names must never read as one. */
import { MalformedError } from './protobuf-reader.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new MalformedError('a name is not valid UTF-8', { cause })
  }
}
