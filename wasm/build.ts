/**
 * `npm run wasm`: compiles wasm/kernels (AssemblyScript) and writes the module into shared/masks/generated/kernels.ts as
 * base64, so that it is found wherever the package is installed. The same source and compiler give the same bytes; a test
 * builds them again.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import { invariant } from '../shared/errors.ts'

const ROOT = new URL('..', import.meta.url)
const GENERATED = new URL('shared/masks/generated/kernels.ts', ROOT)
const OUT_FILE = 'kernels.wasm'
const LINE_CHARACTERS = 110

/** What makes the bytes what they are, besides the source and the compiler's version. */
const OPTIONS = ['--runtime', 'stub', '--noAssert', '--optimizeLevel', '3', '--enable', 'simd', '--initialMemory', '16']

/** The compiled module. Throws with the compiler's messages. */
export async function buildKernels(): Promise<Uint8Array> {
  let module: Uint8Array | null = null
  const folder = fileURLToPath(new URL('wasm/kernels', ROOT))
  const { error, stderr } = await asc.main(['module.ts', '--baseDir', folder, '--outFile', OUT_FILE, ...OPTIONS], {
    writeFile: (name: string, contents: Uint8Array | string) => {
      if (name === OUT_FILE && typeof contents !== 'string') module = contents
    },
  })
  if (error !== null) throw new Error(stderr.toString(), { cause: error })
  invariant(module !== null, `the compiler wrote no ${OUT_FILE}`)
  return module
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const base64 = Buffer.from(await buildKernels()).toString('base64')
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? []
  const text = lines.map((line) => `  '${line}'`).join(' +\n')
  writeFileSync(
    GENERATED,
    `/** Compiled from wasm/kernels by \`npm run wasm\`. */\nexport const KERNELS_BASE64 =\n${text}\n`,
  )
}
