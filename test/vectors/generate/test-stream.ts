/** Fixed "random" bytes: draw i of the stream with some name is SHAKE-256 of the UTF-8 text `name/i`, to the length drawn. */
import { createHash } from 'node:crypto'
import { secretBytes } from '../../../shared/crypto/secrets.ts'
import type { Rng } from '../../../shared/random.ts'
import { hex } from '../hex.ts'

/** A generator that starts at draw 0; `record` gets every draw in hex. */
export function testStream(name: string, record: string[] = []): Rng {
  return (lengthBytes) => {
    const drawn = secretBytes(lengthBytes)
    drawn.set(createHash('shake256', { outputLength: lengthBytes }).update(`${name}/${record.length}`).digest())
    record.push(hex(drawn))
    return drawn
  }
}
