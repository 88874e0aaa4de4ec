/**
 * `npm run vectors`: makes every generated vector file anew and compares it with the one stored here; exits 1 when one
 * differs, naming the first line. `npm run vectors -- --write` stores what it made.
 */
import { writeFileSync } from 'node:fs'
import { differences } from './check.ts'
import { makeVectorFiles } from './files.ts'

const write = process.argv.includes('--write')
const unknown = process.argv.slice(2).filter((argument) => argument !== '--write')
if (unknown.length > 0) {
  console.error(`vectors: no option ${unknown.join(' ')}; there is only --write`)
  process.exit(2)
}

const made = await makeVectorFiles()
const differing = differences(made)
for (const { name, message } of differing) {
  if (write) writeFileSync(new URL(name, import.meta.url), made.get(name) ?? '')
  console.log(`${name}: ${write ? 'rewritten' : message}`)
}
console.log(`${made.size} vector files, ${differing.length} ${write ? 'rewritten' : 'differ'}`)
if (differing.length > 0 && !write) process.exitCode = 1
