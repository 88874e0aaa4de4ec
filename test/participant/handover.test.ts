/** Who holds the update between training and session: it is never overwritten under a session that was given it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { connectCoordinator } from '../../participant/connection.ts'
import { openJournal } from '../../participant/journal.ts'
import { NOTHING_KEPT } from '../../participant/kept-update.ts'
import { policyFile } from '../../participant/policy/policy-file.ts'
import { type Order, Preparation } from '../../participant/preparation.ts'
import { encodeHex, sha256 } from '../../shared/crypto/digest.ts'
import { planDigest as digestOf, encodePlan } from '../../shared/plan/plan-document.ts'
import { signPlan } from '../../shared/plan/plan-signature.ts'
import { planSignatureToWire } from '../../shared/wire/plan-signature.ts'
import { bundle, handIdentity, identityOf, NORTH_ID, SERVER_ID } from '../shared/transport/hello.ts'
import { AUTHOR_ID, freshUpdate } from './agent-lab.ts'
import { logLines } from './log-lines.ts'
import { makePlan, modelBytes, TRUST_DOMAIN } from './plans.ts'
import { closeScripted, startScripted } from './scripted-coordinator.ts'

const plan = makePlan()
const document = encodePlan(plan)
const blobs = new Map([document, modelBytes].map((bytes) => [encodeHex(sha256(bytes)), bytes]))
const signature = planSignatureToWire(signPlan(digestOf(document), identityOf(AUTHOR_ID), Date.now()))
const orderOf = (changes: Partial<Order> = {}): Order => ({
  runId: 'run',
  round: 1,
  attempt: 1,
  planDigest: digestOf(document),
  modelDigest: sha256(modelBytes),
  version: 0,
  ...changes,
})

let reports = 0
const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  await closeScripted()
})

/** Before a coordinator that never answers a report: the order stays under way. */
async function unheardPreparation(): Promise<Preparation> {
  reports = 0
  const { address } = await startScripted({
    calls: {
      download: (call) => {
        const data = blobs.get(encodeHex(call.request.digest))
        const planSignature = data === document ? signature : undefined
        if (data !== undefined) call.write({ totalBytes: data.length, data, planSignature })
        call.end()
      },
      reportReady: () => {
        reports += 1
      },
    },
  })
  const connection = connectCoordinator({
    address,
    coordinatorId: SERVER_ID,
    identity: handIdentity(identityOf(NORTH_ID)),
  })
  const folder = mkdtempSync(join(tmpdir(), 'handover-'))
  const journal = openJournal(join(folder, 'journal.sqlite'))
  let trainings = 0
  const preparation = new Preparation({
    connection,
    journal,
    trainer: { train: async () => ({ ok: true, ...freshUpdate(plan.model.parameterCount, trainings++) }) },
    policy: policyFile.parse({ planAuthors: [AUTHOR_ID] }),
    updates: NOTHING_KEPT,
    site: () => ({ spiffeId: NORTH_ID, trustDomain: TRUST_DOMAIN, dataSets: { default: 'npy' }, bundle }),
    log: logLines().log,
  })
  cleanUps.push(async () => {
    await preparation.stop()
    connection.close()
    journal.close()
    rmSync(folder, { recursive: true })
  })
  return preparation
}

test('an update that another order is about to overwrite is not given to a session', async () => {
  const preparation = await unheardPreparation()
  preparation.begin(orderOf())
  await expect.poll(() => preparation.workFor(orderOf())).not.toBe(null)
  // Its report is still unanswered, so that the other training begins some turns later.
  preparation.begin(orderOf({ round: 2, version: 1 }))
  expect(preparation.workFor(orderOf())).toBe(null)
})

test('another attempt at the same training leaves the update where it is', async () => {
  const preparation = await unheardPreparation()
  preparation.begin(orderOf())
  await expect.poll(() => preparation.workFor(orderOf())).not.toBe(null)
  const work = preparation.workFor(orderOf())
  preparation.begin(orderOf({ attempt: 2 }))
  expect(preparation.workFor(orderOf())?.trained.update).toBe(work?.trained.update)
  await expect.poll(() => reports).toBe(2)
  expect(work?.trained.update.every((value) => value !== 0)).toBe(true)
})
