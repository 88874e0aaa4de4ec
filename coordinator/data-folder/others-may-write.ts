/** Whoever can write to a data folder can put files of their own in the place of the coordinator's. */
import { statSync } from 'node:fs'

/** True when the group or everybody may write to the folder; never on Windows, which says it in another way. */
export function othersMayWrite(folder: string): boolean {
  return process.platform !== 'win32' && (statSync(folder).mode & 0o022) !== 0
}
