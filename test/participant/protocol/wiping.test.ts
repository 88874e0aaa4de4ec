/** What a session overwrites when it ends: in memory of its own, every secret of whatever stage it had come to. */
import { expect, test } from 'vitest'
import { obey } from '../../../participant/protocol/session.ts'
import { environmentOf, openFederation, type Site, walkStage } from '../../protocol/federation.ts'

const isWiped = (secret: Uint8Array) => secret.every((byte) => byte === 0)

test('a session that revealed overwrites its keys, its seed, every share it held and its reply', async () => {
  const federation = await openFederation({ size: 4 })
  for (let stage = 0; stage < 5; stage += 1) await walkStage(federation)
  const [site] = [...federation.sites.values()] as [Site]
  const { session } = site
  if (session?.stage !== 'revealed') throw new Error('the session has come to stage 4')
  const { channel, mask, signing } = session.secrets
  const pairs = [...session.held.values()].flatMap((pair) => (pair === null ? [] : Object.values(pair)))
  const shown = session.reply.flatMap((share) => (share.kind === 'none' ? [] : [share.share]))
  const keys = [channel.secretKey, mask.secretKey, signing.secretKey]
  const secrets = [...keys, session.selfSeed, session.ownSelfShare, ...pairs, ...shown]
  expect(secrets).toHaveLength(3 + 2 + 2 * 3 + 4)
  expect(secrets.filter(isWiped)).toEqual([])
  const over = { kind: 'session-over', completed: true, reason: '' } as const
  expect(obey(session, over, environmentOf(federation, site)).session.stage).toBe('ended')
  expect(secrets.filter((secret) => !isWiped(secret))).toEqual([])
})
