/** Dealing leaves one key per neighbour, with which what that neighbour dealt is opened: used once, then overwritten. */
import { expect, test } from 'vitest'
import { leave } from '../../../participant/protocol/session.ts'
import type { AfterShareKeys } from '../../../participant/protocol/session-state.ts'
import { type Federation, openFederation, walkStage } from '../../protocol/federation.ts'

const SITES = 4
const isWiped = (secret: Uint8Array) => secret.every((byte) => byte === 0)

async function afterDealing(): Promise<{ federation: Federation; sessions: AfterShareKeys[]; keys: Uint8Array[] }> {
  const federation = await openFederation({ size: SITES })
  await walkStage(federation)
  await walkStage(federation)
  const sessions = [...federation.sites.values()].flatMap(({ session }) =>
    session?.stage === 'shared' ? [session] : [],
  )
  const keys = sessions.flatMap(({ incomingKeys }) => [...incomingKeys.values()])
  expect(keys).toHaveLength(SITES * (SITES - 1))
  expect(keys.filter(isWiped)).toEqual([])
  return { federation, sessions, keys }
}

test('opening what was dealt overwrites the kept keys, and everything opens', async () => {
  const { federation, keys } = await afterDealing()
  await walkStage(federation)
  expect(keys.filter((key) => !isWiped(key))).toEqual([])
  for (const { session } of federation.sites.values())
    expect(session).toMatchObject({ stage: 'masked', complaints: [] })
})

test('leaving before that overwrites them too', async () => {
  const { sessions, keys } = await afterDealing()
  for (const session of sessions) leave(session, 'shutdown')
  expect(keys.filter((key) => !isWiped(key))).toEqual([])
})
