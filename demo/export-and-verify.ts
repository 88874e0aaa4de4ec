/** The demo's last act: fetch the final model, verify it, then show that one changed byte is found. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MODEL_PATH } from '../shared/provenance/export-layout.ts'
import { type DemoFolders, writeTrustAnchors } from './federation-folders.ts'
import { RUN_NAME } from './plan.ts'
import type { DemoProcesses } from './processes.ts'

export interface Verdicts {
  readonly folder: string
  readonly model: Uint8Array
  readonly verify: boolean
  readonly tamperedVerify: boolean
  /** The link that the verifier named for the changed copy. */
  readonly tamperedLink: string
}

/** Exports the latest version and verifies it and a copy with one byte flipped, by the commands a user would type. */
export async function exportAndVerify(
  processes: DemoProcesses,
  folders: DemoFolders,
  tell: (line: string) => void,
): Promise<Verdicts> {
  const folder = join(folders.auditor, 'final')
  const fetch = ['model', 'export', RUN_NAME, '--version', 'latest', '--out', folder, '--operator', 'operator.yaml']
  const exported = await processes.run(folders.operator, fetch)
  if (exported.code !== 0) throw new Error(`model export failed: ${exported.stderr.trim()}`)
  const anchors = writeTrustAnchors(folders)
  const verify = (what: string) =>
    processes.run(folders.auditor, ['verify', what, '--key', anchors.key, '--trust-bundle', anchors.trustBundle])

  const honest = await verify(folder)
  const lines = honest.stdout.trim().split('\n')
  tell(`  ${lines.at(-1)}`)
  if (honest.code !== 0) tell(honest.stderr.trim())

  const copy = join(folders.auditor, 'final-one-byte-changed')
  cpSync(folder, copy, { recursive: true })
  const place = flipOneByte(join(copy, MODEL_PATH))
  const changed = await verify(copy)
  const tamperedLink = /broken link: (.+)/.exec(changed.stdout)?.[1] ?? ''
  tell(
    `  one byte of a copy changed (byte ${place}): ${changed.code === 0 ? 'NOT NOTICED' : `refused, broken link: ${tamperedLink}`}`,
  )
  return {
    folder,
    model: new Uint8Array(readFileSync(join(folder, MODEL_PATH))),
    verify: honest.code === 0,
    tamperedVerify: changed.code === 0,
    tamperedLink,
  }
}

function flipOneByte(file: string): number {
  const bytes = readFileSync(file)
  const place = bytes.length >> 1
  bytes[place] = (bytes[place] ?? 0) ^ 1
  writeFileSync(file, bytes)
  return place
}
