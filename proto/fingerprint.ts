/**
 * Proves that the generated code belongs to the .proto files without needing the generator: SHA-256 over both, stored in
 * proto/generated.sha256. `npm run proto` regenerates and stores it; a test compares. `--write` stores, else it prints.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('..', import.meta.url)
const stored = new URL('proto/generated.sha256', root)

/** The fingerprint of the working tree. */
export function fingerprint(): string {
  const hash = createHash('sha256')
  for (const folder of ['proto/blindsum/v1/', 'shared/wire/generated/blindsum/v1/']) {
    for (const name of readdirSync(new URL(folder, root)).sort()) {
      const text = readFileSync(new URL(folder + name, root))
      hash.update(`${folder}${name}\n${text.length}\n`).update(text)
    }
  }
  return hash.digest('hex')
}

/** What was stored when the code was generated. */
export function storedFingerprint(): string {
  return readFileSync(stored, 'utf8').trim()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--write')) writeFileSync(stored, `${fingerprint()}\n`)
  console.log(fingerprint())
}
