/** Runs commands for tests: in this process with its output caught, or as a process of its own on a chosen Node. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'
import { COMMANDS } from '../../bin/command-table.ts'

export const BLINDSUM = fileURLToPath(new URL('../../bin/blindsum.js', import.meta.url))

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command in this process; `name` as typed behind `blindsum`. */
export async function runInProcess(name: string, args: string[]): Promise<Ran> {
  const entry = COMMANDS.find((candidate) => candidate.name === name)
  if (entry === undefined) throw new Error(`no command ${name}`)
  const texts = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      texts[stream] += String(chunk)
      return true
    }),
  )
  try {
    const command = await entry.load()
    return { code: await command(args), ...texts }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

/** Runs `blindsum ARGS` as a process on `runtime`. */
export async function runAsProcess(
  args: readonly string[],
  options: { readonly runtime?: string; readonly cwd?: string; readonly program?: string } = {},
): Promise<Ran> {
  const child = spawn(options.runtime ?? process.execPath, [options.program ?? BLINDSUM, ...args], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    texts.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    texts.stderr += chunk
  })
  const [code, signal] = await once(child, 'close')
  return { code: code ?? `signal ${signal}`, ...texts }
}

/** The machine's own PATH, without what npm puts in front of it. */
export function ownPath(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.filter((folder) => !folder.includes('node_modules')).join(delimiter)
}

/** The machine's own Node; the present one when there is no other. */
export function ownNode(): string {
  const found = ownPath()
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .find((file) => existsSync(file))
  return found ?? process.execPath
}
