/** A new file's name is on disk only once its folder is. */
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes the name of the file at `path`, and of all its neighbours, durable. */
export async function syncFolderOf(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
