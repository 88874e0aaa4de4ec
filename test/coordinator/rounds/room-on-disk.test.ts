/** What finds no room on the disk is tried again until it does; anything else is told at once. */
import { expect, test } from 'vitest'
import { withRoomOnDisk } from '../../../coordinator/rounds/room-on-disk.ts'
import { StorageFailure } from '../../../coordinator/store/storage-failure.ts'

const full = new StorageFailure('disk_full', 'full')

/** A step that fails so many times. */
function failing(times: number, error: Error) {
  let left = times
  return async () => {
    if (left === 0) return 'done'
    left -= 1
    throw error
  }
}

test('waits for room, and says each time that there is none', async () => {
  let told = 0
  const onFull = () => {
    told += 1
  }
  const { signal } = new AbortController()
  expect(await withRoomOnDisk(failing(3, full), { signal, onFull, pauseMs: 1 })).toBe('done')
  expect(told).toBe(3)
})

test('does not wait for what room would not mend', async () => {
  const { signal } = new AbortController()
  const other = new StorageFailure('storage_failed', 'input/output error')
  await expect(withRoomOnDisk(failing(1, other), { signal, onFull: () => {}, pauseMs: 1 })).rejects.toBe(other)
})

test('ends its waiting with the reason of the signal', async () => {
  const stop = new AbortController()
  const onFull = () => stop.abort(new Error('stopping'))
  await expect(withRoomOnDisk(failing(9, full), { signal: stop.signal, onFull })).rejects.toThrow('stopping')
})
