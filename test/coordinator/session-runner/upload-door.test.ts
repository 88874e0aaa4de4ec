/** Whose masked input is let in, and when: asked before the first byte of it is kept. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SessionRunner } from '../../../coordinator/session-runner/session-runner.ts'
import type { Instruction } from '../../../shared/protocol/messages.ts'
import { NOW_MS } from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'
import { beforeMasking } from './before-masking.ts'

const SIZE = 5
const STRANGER = 'spiffe://test.example/site/999'
const folder = mkdtempSync(join(tmpdir(), 'blindsum-door-'))
let identities: Identities
const runners: SessionRunner[] = []
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})
afterAll(async () => {
  for (const runner of runners) runner.abort('cancelled', 'the test is over')
  await Promise.all(runners.map(({ ended }) => ended))
  rmSync(folder, { recursive: true })
})

async function ready(leavesAt?: Instruction['kind']) {
  const made = await beforeMasking({ identities, folder }, leavesAt)
  runners.push(made.runner)
  return made
}

const refusedWith = (code: string) => expect.objectContaining({ code })

test('a site of U2 is let in with an input of the right length, anybody else is not', async () => {
  const { runner, first, packedBytes, isMasking } = await ready()
  runner.start()
  await isMasking
  expect(runner.openUpload(first, packedBytes)).not.toBeNull()
  expect(() => runner.openUpload(first, packedBytes - 1)).toThrow(refusedWith('wrong_length'))
  expect(() => runner.openUpload(STRANGER, packedBytes)).toThrow(refusedWith('unknown_participant'))
  expect(() => runner.uploadProgress(STRANGER)).toThrow(refusedWith('unknown_participant'))
  expect(readdirSync(folder)).toEqual([])
})

test('before masking is asked for it is too early', async () => {
  const { runner, first, packedBytes } = await ready()
  expect(() => runner.openUpload(first, packedBytes)).toThrow(refusedWith('wrong_stage'))
})

test('a site that dealt nothing is not in U2', async () => {
  const { runner, first, packedBytes, isMasking } = await ready('share-keys')
  runner.start()
  await isMasking
  expect(() => runner.openUpload(first, packedBytes)).toThrow(refusedWith('not_in_shared_set'))
})

test('a site that has left may not come back', async () => {
  const { runner, first, packedBytes, isMasking } = await ready()
  runner.start()
  await isMasking
  expect(await runner.deliver(first, { kind: 'withdraw', code: 'left', message: '' })).toMatchObject({
    kind: 'accepted',
  })
  expect(() => runner.openUpload(first, packedBytes)).toThrow(refusedWith('late'))
})

test('when the session has ended it is too late', async () => {
  const { runner, first, packedBytes, isMasking } = await ready()
  runner.start()
  await isMasking
  runner.abort('cancelled', 'by an operator')
  await runner.ended
  expect(() => runner.openUpload(first, packedBytes)).toThrow(refusedWith('late'))
})
