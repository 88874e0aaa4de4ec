/** The folder a sweep is written to. Each file is whole at every moment, so that what was finished outlives an interruption. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigError } from '../shared/errors.ts'

export interface TextFile {
  readonly file: string
  readonly text: string
}

/** Makes the folder, or takes an empty one. @throws ConfigError `folder_not_empty`, `folder_unwritable`. */
export function openSweepFolder(out: string): void {
  if (existsSync(out) && !statSync(out).isDirectory()) {
    throw new ConfigError('folder_unwritable', `--out: ${out} is a file; name a new folder`)
  }
  if (existsSync(out) && readdirSync(out).length > 0) {
    throw new ConfigError(
      'folder_not_empty',
      `--out: ${out} is not empty; name a new folder, so that nothing is written over`,
    )
  }
  if (existsSync(out)) return
  // One folder and no more: a mistyped path is told, and Node's recursive mkdir never returns where folders cannot be made.
  const parent = dirname(resolve(out))
  if (!existsSync(parent))
    throw new ConfigError('folder_unwritable', `--out: there is no folder ${parent} to make it in`)
  writing(out, () => mkdirSync(out))
}

/** Writes these files, over those of the same names. @throws ConfigError `folder_unwritable`. */
export function writeSweepFiles(out: string, files: readonly TextFile[]): void {
  writing(out, () => {
    for (const { file, text } of files) {
      const temporary = join(out, `.${file}.tmp`)
      try {
        writeFileSync(temporary, text)
        renameSync(temporary, join(out, file))
      } finally {
        rmSync(temporary, { force: true })
      }
    }
  })
}

function writing(out: string, write: () => void): void {
  try {
    write()
  } catch (cause) {
    throw new ConfigError('folder_unwritable', `--out: cannot write into ${out}: ${(cause as Error).message}`, {
      cause,
    })
  }
}
