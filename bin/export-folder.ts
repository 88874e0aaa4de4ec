/**
 * Puts an exported version on disk: written beside its place and moved in when it is whole, so that a folder either holds
 * the export or is not there. The paths come from the other side and are not trusted.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigError } from '../shared/errors.ts'
import type { ExportPart } from '../shared/wire/generated/blindsum/v1/operator.ts'

/** Plain names, `/` between them: nothing that could leave the folder on any system. */
const SAFE_PATH = /^(?!.*(^|\/)\.{1,2}(\/|$))[A-Za-z0-9._-]{1,120}(\/[A-Za-z0-9._-]{1,120}){0,4}$/

/**
 * Writes the parts into the new folder `out` and gives the number of files.
 * @throws ConfigError `folder_not_empty`, `bad_export`, or what the stream throws; then nothing is left behind.
 */
export async function writeExport(out: string, parts: AsyncIterable<ExportPart>): Promise<number> {
  if (existsSync(out) && !statSync(out).isDirectory()) {
    throw new ConfigError('folder_unwritable', `${out} is a file; name a new folder`)
  }
  if (existsSync(out) && readdirSync(out).length > 0) {
    throw new ConfigError(
      'folder_not_empty',
      `${out} is not empty; name a new folder, so that only the export is in it`,
    )
  }
  const temporary = `${resolve(out)}.tmp-${randomBytes(4).toString('hex')}`
  try {
    mkdirSync(temporary, { recursive: true })
    const files = await writeParts(temporary, parts)
    if (existsSync(out)) rmSync(out, { recursive: true })
    renameSync(temporary, out)
    return files
  } catch (cause) {
    rmSync(temporary, { recursive: true, force: true })
    if (cause instanceof Error && 'syscall' in cause) {
      throw new ConfigError('folder_unwritable', `cannot write into ${out}: ${cause.message}`, { cause })
    }
    throw cause
  }
}

async function writeParts(folder: string, parts: AsyncIterable<ExportPart>): Promise<number> {
  let open: number | null = null
  let files = 0
  try {
    for await (const { path, data, last } of parts) {
      if (open === null) {
        if (!SAFE_PATH.test(path)) throw badExport(`a file has the path ${JSON.stringify(path)}`)
        mkdirSync(dirname(join(folder, path)), { recursive: true })
        if (existsSync(join(folder, path))) throw badExport(`${path} comes twice`)
        open = openSync(join(folder, path), 'wx', 0o644)
        files += 1
      } else if (path !== '') throw badExport(`${path} begins before the file before it has ended`)
      writeFileSync(open, data)
      if (last) {
        closeSync(open)
        open = null
      }
    }
    if (open !== null || files === 0) throw badExport('the stream ended in the middle')
    return files
  } finally {
    if (open !== null) closeSync(open)
  }
}

function badExport(problem: string): ConfigError {
  return new ConfigError('bad_export', `the coordinator sent an export that cannot be used: ${problem}`)
}
