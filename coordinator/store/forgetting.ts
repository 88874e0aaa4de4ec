/**
 * Lets what was deleted from the store be gone from its log too, if not now then as soon as nobody reads it any more: a backup
 * or a check in another process may hold it for minutes.
 */
import { emptyWriteAheadLog, type Store } from './database.ts'

const RETRY_MS = 1000

/**
 * The function tries once, at once, and resolves; what could not be is tried again by itself until it is. It rejects only
 * for a store that was closed, whose log went with it.
 */
export function openForgetting(store: Store, retryMs = RETRY_MS): () => Promise<void> {
  let again: NodeJS.Timeout | undefined
  const forget = async () => {
    const isDone = await emptyWriteAheadLog(store).catch((error: unknown) => {
      // A full disk, or one that fails, may do later; whatever is not SQLite's says that the store was closed.
      if (error instanceof Error && 'errcode' in error) return false
      throw error
    })
    clearTimeout(again)
    if (isDone) return
    again = setTimeout(() => void forget().catch(() => undefined), retryMs)
    again.unref()
  }
  return forget
}
