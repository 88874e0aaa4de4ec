/** What a digest has to be before anything is looked up by it. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openEventLog } from '../../../coordinator/registry/event-log.ts'
import { openRuns } from '../../../coordinator/registry/runs.ts'
import { openVersions } from '../../../coordinator/registry/versions.ts'
import { download } from '../../../coordinator/rpc/downloads.ts'
import { openBlobs } from '../../../coordinator/store/blobs.ts'
import { openStore } from '../../../coordinator/store/database.ts'

test('32 bytes that name nothing are not found, any other length is malformed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'blindsum-downloads-'))
  const store = await openStore(':memory:')
  try {
    const nowMs = () => 0
    const events = openEventLog(store, nowMs)
    const blobs = await openBlobs(folder)
    const tools = { runs: openRuns(store, events), versions: openVersions({ store, events, nowMs, blobs }), blobs }
    const first = (bytes: number) =>
      download(new Uint8Array(bytes), 'spiffe://lab.example/site/east', tools)[Symbol.asyncIterator]().next()
    await expect(first(32)).rejects.toMatchObject({ code: 'not_found' })
    for (const bytes of [0, 31, 33]) await expect(first(bytes)).rejects.toMatchObject({ code: 'malformed' })
  } finally {
    await store.destroy()
    rmSync(folder, { recursive: true })
  }
})
