/** What stage 2 of one participant starts from, as the benchmark measures it: an update, an encoding for n = 100, masks. */
import { randomBytes } from 'node:crypto'
import { type MaskedInput, makeMaskedInput } from '../participant/masked-input.ts'
import type { TrainedUpdate } from '../participant/trainer.ts'
import type { MaskEngine, MaskSeed } from '../shared/masks/mask-engine.ts'
import { systemRng } from '../shared/random.ts'
import type { VectorEncoding } from '../shared/vector/encoding.ts'

export interface InputSize {
  readonly lanes: number
  readonly neighbours: number
  /** b: 9 bits make lanes of 16, 16 bits lanes of 32. */
  readonly inputBits: 9 | 16
}

const PARTICIPANTS = 100
const FRACTION_BITS = { examples: 0, trainLossSum: 20, evalExamples: 0, evalLossSum: 20, evalCorrect: 0 }
const NEVER = new AbortController().signal

export function encodingFor({ lanes, inputBits }: InputSize): VectorEncoding {
  return {
    parameterCount: lanes,
    scalars: Object.entries(FRACTION_BITS).map(([name, fractionBits]) => ({ name, fractionBits })),
    inputBits,
    modulusBits: inputBits + Math.ceil(Math.log2(PARTICIPANTS)),
    ...{ laneRange: 1, clipNorm: Math.sqrt(lanes) / 2, minWeight: 1, maxWeight: 1000, maxParticipants: PARTICIPANTS },
  }
}

/** In memory as the trainer leaves it, not shared; clipping shortens it. */
export function anUpdate({ lanes }: InputSize): TrainedUpdate {
  const update = new Float32Array(lanes)
  for (let place = 0; place < lanes; place += 1) update[place] = Math.sin(place)
  return { update, examples: 600, scalars: { trainLossSum: 1, evalExamples: 0, evalLossSum: 0, evalCorrect: 0 } }
}

/** The self mask and one per neighbour. */
export function masksFor({ neighbours }: InputSize): MaskSeed[] {
  return Array.from({ length: neighbours + 1 }, (_, place) => {
    return { key: new Uint8Array(randomBytes(32)), sign: place % 2 === 0 ? 1 : -1 }
  })
}

export function makeOne(size: InputSize, trained: TrainedUpdate, engine: MaskEngine): Promise<MaskedInput> {
  const tools = { engine, rng: systemRng, signal: NEVER }
  return makeMaskedInput({ trained, encoding: encodingFor(size), masks: masksFor(size), ...tools })
}
