/** The store of a data folder, with what a person can mend told as such: another file in its place, a damaged one, half a restore. */
import { ConfigError } from '../../shared/errors.ts'
import { openStore, type Store } from '../store/database.ts'
import { storeFileOf } from './layout.ts'
import { refuseUnfinishedRestore } from './restore.ts'
import { refuseForeignStore } from './stored-rows.ts'

/** Opens it, making it where there is none. @throws ConfigError `store_foreign`, `store_damaged`, `restore_unfinished`, `store_too_new`. */
export async function openStoreOf(dataFolder: string): Promise<Store> {
  const file = storeFileOf(dataFolder)
  await refuseUnfinishedRestore(dataFolder)
  refuseForeignStore(file, 'fine')
  try {
    return await openStore(file)
  } catch (cause) {
    const isOfSqlite = cause instanceof Error && 'errcode' in cause
    if (!isOfSqlite) throw cause
    const problem = `${file}: cannot be used: ${cause.message}; look with coordinator --check, or restore a backup`
    throw new ConfigError('store_damaged', problem, { cause })
  }
}
