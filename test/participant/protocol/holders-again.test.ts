/**
 * Stage 4 counts the holders for itself: a state in which fewer than t of them survive is reached by no message, and gives
 * up no share even so.
 */
import { expect, test } from 'vitest'
import { instructionFor } from '../../../coordinator/protocol/instructions.ts'
import { obey } from '../../../participant/protocol/session.ts'
import { environmentOf, NOW_MS, openFederation, type Site, walkStage } from '../../protocol/federation.ts'
import { makeIdentities } from '../../protocol/identities.ts'

test('with fewer holders than the threshold no share leaves', async () => {
  const federation = await openFederation({ size: 4, identities: await makeIdentities(4, NOW_MS), parameterCount: 8 })
  while (federation.coordinator.stage !== 'reveal-shares') await walkStage(federation)
  const site = [...federation.sites.values()][1] as Site
  const request = instructionFor(federation.coordinator, site.spiffeId)
  if (site.session?.stage !== 'attested' || request === null) throw new Error('stage 4')
  const { parameters } = site.session
  const raised = { ...site.session, parameters: { ...parameters, threshold: parameters.holders + 1 } }
  const { effects } = obey(raised, request, environmentOf(federation, site))
  expect(effects.map(({ kind }) => kind)).toEqual(['record', 'send', 'over'])
  expect(effects[1]).toMatchObject({ message: { kind: 'withdraw', code: 'too_few_holders' } })
})
