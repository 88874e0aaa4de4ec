/** Deletes every file of a session in the spool folder, whoever lost count of it. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { spoolFileOf } from './spool-files.ts'

export async function clearSpoolOf(folder: string, sessionId: string): Promise<void> {
  // Safety: an id has a fixed length, so no other session's files begin like this.
  const prefix = spoolFileOf(sessionId, '')
  for (const name of await readdir(folder)) if (name.startsWith(prefix)) await rm(join(folder, name), { force: true })
}
