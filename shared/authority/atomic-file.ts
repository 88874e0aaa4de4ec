/**
 * Files that are there whole or not at all: written beside their place, synced, then moved in. Crash here leaves at most
 * a `.tmp-…` file that nobody reads.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Puts `content` at `path` with `mode`, in place of what was there. */
export function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  const temporary = writeBeside(path, content, mode)
  renameSync(temporary, path)
  syncFolder(path)
}

/** Puts `content` at `path` with `mode`; throws EEXIST, changing nothing, if something is there. */
export function createFile(path: string, content: string | Uint8Array, mode: number): void {
  const temporary = writeBeside(path, content, mode)
  try {
    linkSync(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
  syncFolder(path)
}

function writeBeside(path: string, content: string | Uint8Array, mode: number): string {
  const temporary = `${path}.tmp-${randomBytes(6).toString('hex')}`
  const file = openSync(temporary, 'wx', mode)
  try {
    writeFileSync(file, content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return temporary
}

function syncFolder(path: string): void {
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
