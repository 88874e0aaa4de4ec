/** Copies of the tree in which checks are taken out. The tree itself is only read. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'

const LEFT_OUT = new Set(['node_modules', '.git', 'dist'])

export interface TreeCopy {
  readonly root: string
  /** Where the tests that run in it put their temporary files. */
  readonly temporary: string
  /** Runs `work` while `file` has other contents. */
  replaced<T>(file: string, contents: string, work: () => Promise<T>): Promise<T>
}

/** A folder for `count` copies of the tree at `root`; `remove` takes everything away, at once. */
export function copyTree(root: string, count: number): { readonly copies: readonly TreeCopy[]; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'blindsum-mutation-'))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  try {
    return { copies: Array.from({ length: count }, (_, place) => makeCopy(root, join(folder, `${place}`))), remove }
  } catch (error) {
    remove()
    throw error
  }
}

function makeCopy(from: string, folder: string): TreeCopy {
  const root = join(folder, 'tree')
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary, { recursive: true })
  cpSync(from, root, { recursive: true, filter: (path) => path === from || !LEFT_OUT.has(basename(path)) })
  symlinkSync(resolve(from, 'node_modules'), join(root, 'node_modules'))
  return {
    root,
    temporary,
    async replaced(file, contents, work) {
      const path = join(root, file)
      const original = readFileSync(path)
      writeFileSync(path, contents)
      try {
        return await work()
      } finally {
        writeFileSync(path, original)
        rmSync(temporary, { recursive: true, force: true, maxRetries: 5 })
        mkdirSync(temporary)
      }
    },
  }
}
