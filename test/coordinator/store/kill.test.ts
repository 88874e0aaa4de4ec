/** kill -9 while versions are being published: what is there afterwards is whole, and what was told is there. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { openEventLog } from '../../../coordinator/registry/event-log.ts'
import { openVersions } from '../../../coordinator/registry/versions.ts'
import { openBlobs } from '../../../coordinator/store/blobs.ts'
import { openStore } from '../../../coordinator/store/database.ts'
import { sha256Hex } from '../../../shared/crypto/digest.ts'
import { versionForTest } from './version-for-test.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-kill-'))
afterAll(() => rmSync(folder, { recursive: true }))
const nowMs = () => Date.now()

async function open() {
  const store = await openStore(join(folder, 'coordinator.sqlite'))
  const events = openEventLog(store, nowMs)
  const blobs = await openBlobs(join(folder, 'blobs'))
  return { store, events, blobs, versions: openVersions({ store, blobs, events, nowMs }) }
}

test('a version is published whole or not at all, whenever the process dies', { timeout: 60_000 }, async () => {
  const setUp = await open()
  await setUp.versions.publishInitial({
    run: { id: 'run', name: 'run', submittedBy: 'ada', rounds: 10 },
    planDocument: new TextEncoder().encode('{}'),
    planDigest: new Uint8Array(32),
    planSignature: { authorId: 'a', signedAtMs: 1, certificateChain: [], signature: new Uint8Array(64) },
    enrolled: 3,
    modelDigest: await setUp.blobs.put(Uint8Array.of(1)),
    provenance: Uint8Array.of(2),
  })
  await setUp.store.destroy()
  for (let kill = 0; kill < 6; kill += 1) {
    const told = await publishAndKill(kill * 7)
    const { store, events, blobs, versions } = await open()
    const list = await versions.list('run')
    expect(list.map(({ version }) => version)).toEqual(list.map((_, place) => place))
    expect(list.length).toBeGreaterThan(told)
    const published = (await events.since('run', 0, 100_000)).filter(({ kind }) => kind === 'version_published')
    expect(published).toHaveLength(list.length - 1)
    for (const one of list.slice(1)) {
      const expected = versionForTest('run', one.version)
      expect(sha256Hex(await blobs.get(one.modelDigest))).toBe(sha256Hex(expected.model))
      expect(sha256Hex(await blobs.get(one.provenanceDigest))).toBe(sha256Hex(expected.provenance))
      expect(sha256Hex(await blobs.get(one.sessionRecordDigest ?? ''))).toBe(sha256Hex(expected.sessionRecord))
      expect(one.evaluation === null).toBe(one === list.at(-1))
    }
    await store.destroy()
  }
})

/** Lets a child publish a few versions and a moment more, then kills it; the last number it told. */
async function publishAndKill(extraMs: number): Promise<number> {
  const child = spawn(process.execPath, [new URL('./publishing-child.ts', import.meta.url).pathname, folder])
  let told = 0
  let errors = ''
  child.stderr.on('data', (text) => {
    errors += text
  })
  const published = new Promise<void>((resolve, reject) => {
    let seen = 0
    child.stdout.on('data', (text: Buffer) => {
      for (const line of text.toString().trim().split('\n')) {
        told = Number(line)
        seen += 1
      }
      if (seen >= 3) resolve()
    })
    child.on('exit', () => reject(new Error(`the child ended by itself: ${errors}`)))
  })
  await published
  await delay(extraMs)
  child.removeAllListeners('exit')
  child.kill('SIGKILL')
  await once(child, 'close')
  return told
}
