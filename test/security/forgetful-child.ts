/**
 * Run as a process: a session between participant cores up to a stage, after which they leave, or keep everything for the
 * control run. Says on stdout what their secrets were, each byte XOR 0x5a so that the telling itself is not found.
 */
import { writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { obey } from '../../participant/protocol/session.ts'
import type { LiveParticipantSession } from '../../participant/protocol/session-state.ts'
import { invariant } from '../../shared/errors.ts'
import { environmentOf, openFederation, type Site, walkStage } from '../protocol/federation.ts'

const DISGUISE = 0x5a
const [walkedStages = '', ending = ''] = process.argv.slice(2)
const federation = await openFederation({ size: 5 })
const told: [string, string][] = []

const tell = (name: string, secret: Uint8Array) => {
  let text = ''
  for (const byte of secret) text += (byte ^ DISGUISE).toString(16).padStart(2, '0')
  told.push([name, text])
}
const live = (site: Site): LiveParticipantSession => {
  invariant(site.session !== null && site.session.stage !== 'ended', 'everybody is in the session')
  return site.session
}

for (let walked = 0; walked < Number(walkedStages); walked += 1) await walkStage(federation)
for (const site of federation.sites.values()) {
  const session = live(site)
  const name = site.spiffeId.split('/').at(-1)
  tell(`${name}: c`, session.secrets.channel.secretKey)
  tell(`${name}: s`, session.secrets.mask.secretKey)
  tell(`${name}: v`, session.secrets.signing.secretKey)
  if (session.stage === 'advertised') continue
  tell(`${name}: b`, session.selfSeed)
  tell(`${name}: own share`, session.ownSelfShare)
  if (session.stage === 'shared') {
    for (const [owner, key] of session.incomingKeys) tell(`${name}: key of what ${owner} dealt`, key)
    continue
  }
  for (const [owner, pair] of session.held) {
    if (pair === null) continue
    tell(`${name}: share of b of ${owner}`, pair.selfSeedShare)
    tell(`${name}: share of s of ${owner}`, pair.maskKeyShare)
  }
}
if (ending === 'over') {
  const over = { kind: 'session-over', completed: false, reason: 'cancelled' } as const
  for (const site of federation.sites.values())
    site.session = obey(live(site), over, environmentOf(federation, site)).session
}
// What OpenSSL holds for a key goes when its object is collected, and some of that only in a later turn.
for (let turn = 0; turn < 3; turn += 1) {
  globalThis.gc?.()
  await setImmediate()
}
writeSync(1, `${JSON.stringify(told)}\n`)
setInterval(() => federation, 60_000)
