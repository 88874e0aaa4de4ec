/** A process that publishes one version after another until it is killed; prints each number once it is published. */
import { join } from 'node:path'
import { openEventLog } from '../../../coordinator/registry/event-log.ts'
import { openVersions } from '../../../coordinator/registry/versions.ts'
import { openBlobs } from '../../../coordinator/store/blobs.ts'
import { openStore } from '../../../coordinator/store/database.ts'
import { versionForTest } from './version-for-test.ts'

const folder = process.argv[2] ?? ''
const store = await openStore(join(folder, 'coordinator.sqlite'))
const nowMs = () => Date.now()
const versions = openVersions({
  store,
  blobs: await openBlobs(join(folder, 'blobs')),
  events: openEventLog(store, nowMs),
  nowMs,
})
for (let version = (await versions.list('run')).length; ; version += 1) {
  await versions.publish(versionForTest('run', version))
  process.stdout.write(`${version}\n`)
}
