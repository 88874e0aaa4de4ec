/** The generated vector files: their names and what makes them. Each is a pure function of the program and certificates.json. */
import { keystreamVectors, keyVectors } from './generate/keys.ts'
import { sessionVectors } from './generate/session.ts'
import { graphVectors, shamirVectors } from './generate/sharing.ts'
import { contextVectors, statementVectors, tupleVectors } from './generate/tuples.ts'
import { bitmapVectors, packingVectors, scalarVectors, uploadDigestVectors } from './generate/vector.ts'

/** Makes every file's text, by name. */
export async function makeVectorFiles(): Promise<ReadonlyMap<string, string>> {
  const files: readonly (readonly [string, unknown])[] = [
    ['tuples.json', tupleVectors()],
    ['context.json', contextVectors()],
    ['statements.json', statementVectors()],
    ['keys.json', keyVectors()],
    ['keystream.json', keystreamVectors()],
    ['shamir.json', shamirVectors()],
    ['graph.json', graphVectors()],
    ['bitmap.json', bitmapVectors()],
    ['packing.json', packingVectors()],
    ['scalars.json', scalarVectors()],
    ['upload-digest.json', uploadDigestVectors()],
    ['session-16-bit.json', await sessionVectors('16-bit')],
    ['session-32-bit.json', await sessionVectors('32-bit')],
  ]
  return new Map(files.map(([name, value]) => [name, toText(value)]))
}

/** JSON indented by two; lists of numbers stand in one line. */
function toText(value: unknown): string {
  const indented = JSON.stringify(value, null, 2)
  return `${indented.replaceAll(/\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]/g, (_, list: string) => `[${list.replaceAll(/\s+/g, ' ')}]`)}\n`
}
