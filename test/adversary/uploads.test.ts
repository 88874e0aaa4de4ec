/**
 * Lies about masked inputs. Rows of the threat model: uploads cut and resumed in the hope of other bytes under the same masks,
 * an upload counted after the survivors were fixed, and vectors of the wrong length, late, twice, or garbage. Every byte the
 * coordinator ever saw of one session belongs to one masked vector; who sends something else becomes a dropout.
 */
import type { ServerReadableStream, sendUnaryData } from '@grpc/grpc-js'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { closeStage, isLive, receive } from '../../coordinator/protocol/session.ts'
import { type Connection, connectCoordinator } from '../../participant/connection.ts'
import { answerAfterRestart, obey } from '../../participant/protocol/session.ts'
import { uploadMaskedInput } from '../../participant/upload.ts'
import { sign } from '../../shared/crypto/signatures.ts'
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import { contributionStatement } from '../../shared/protocol/statements.ts'
import { systemRng } from '../../shared/random.ts'
import { uploadDigest } from '../../shared/vector/upload-digest.ts'
import type { UploadPart, UploadProgress } from '../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { logLines } from '../participant/log-lines.ts'
import { closeScripted, startScripted, unavailable } from '../participant/scripted-coordinator.ts'
import { deliver, environmentOf, NOW_MS, outcomeOf, plaintextSum, runSession, tell } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { handIdentity, identityOf, NORTH_ID, SERVER_ID } from '../shared/transport/hello.ts'
import { coordinatorAt, type RecordedSession, recordSession, siteAt, truthFor } from './recorded-session.ts'
import { expectLeft, expectRefused, holdingsOf, sentBy } from './what-left.ts'

const [SIZE, VICTIM] = [5, 3]
const MIB = 1024 * 1024
let identities: Identities
let recorded: RecordedSession
/** The same, but for the victim's upload, which is lost. */
let lost: RecordedSession
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
  recorded = await recordSession({ size: SIZE, identities })
  const victim = identities.sites[VICTIM - 1]?.spiffeId
  const up = (message: { kind: string }, from: string) => message.kind !== 'contribution' || from !== victim
  lost = await recordSession({ size: SIZE, identities }, { weather: { up } })
}, 240_000)

let connection: Connection | null = null
afterEach(async () => {
  connection?.close()
  connection = null
  await closeScripted()
})

describe('coordinator cuts uploads and asks to resume, hoping for other bytes under the same masks', () => {
  /** Takes what comes from wherever it pleases to begin, cuts off at will, and notes every byte it ever sees at its offset. */
  async function greedy(totalBytes: number, begins: readonly number[]) {
    const seen = Array.from({ length: totalBytes }, () => new Set<number>())
    const streams: number[] = []
    const { address } = await startScripted({
      calls: {
        uploadStatus: (_call, reply) =>
          reply(null, {
            acknowledgedBytes: begins[streams.length] ?? totalBytes,
            complete: streams.length >= begins.length,
          }),
        uploadMaskedInput: (call, reply) => void take(call, reply),
      },
    })
    async function take(call: ServerReadableStream<UploadPart, UploadProgress>, reply: sendUnaryData<UploadProgress>) {
      call.on('error', () => {})
      let at = 0
      for await (const { part } of call as AsyncIterable<UploadPart>) {
        if (part?.$case === 'header') {
          at = part.value.offset
          streams.push(at)
        } else if (part?.$case === 'chunk') {
          for (const byte of part.value) seen[at++]?.add(byte)
        }
      }
      if (streams.length < begins.length) reply(unavailable('cut off'))
      else reply(null, { acknowledgedBytes: totalBytes, complete: true })
    }
    const identity = handIdentity(identityOf(NORTH_ID))
    connection = connectCoordinator({ address, coordinatorId: SERVER_ID, identity })
    return { seen, streams, connection }
  }

  test('from wherever it asks again, each byte is the same as before', { timeout: 60_000 }, async () => {
    const bytes = systemRng(2 * MIB + 17)
    const begins = [0, MIB, 7, 0]
    const { seen, streams, connection: to } = await greedy(bytes.length, begins)
    const contribution = { digest: uploadDigest(bytes), signature: systemRng(64) }
    const { log } = logLines()
    const signal = new AbortController().signal
    await uploadMaskedInput({ connection: to, sessionId: systemRng(16), bytes, contribution, log, signal })
    expect(streams).toEqual(begins)
    expect(seen.findIndex((values, at) => values.size !== 1 || !values.has(bytes[at] ?? -1))).toBe(-1)
  })

  test('asked for U2 again, the participant masks nothing again and signs nothing else', async () => {
    const federation = recorded.at('mask-input')
    const victim = siteAt(federation, VICTIM)
    const truth = truthFor(federation, victim, 'mask-input')
    await tell(federation, victim, truth)
    const { packed } = victim
    for (let time = 0; time < 3; time += 1) {
      if (victim.session === null) throw new Error('the session is live')
      const { effects } = obey(victim.session, truth, environmentOf(federation, victim))
      expect(effects.map(({ kind }) => kind)).toEqual(['upload'])
      await tell(federation, victim, truth)
    }
    expect(victim.packed).toBe(packed)
    expect(sentBy(victim).filter(({ kind }) => kind === 'contribution')).toHaveLength(4)
    expectLeft(victim, 'masked input')
  })

  test('asked to mask for another U2, it refuses: the masks would be others', async () => {
    const federation = recorded.at('mask-input')
    const victim = siteAt(federation, VICTIM)
    const truth = truthFor(federation, victim, 'mask-input')
    await tell(federation, victim, truth)
    const held = holdingsOf(victim)
    const shared = encodeBitmap([1, 2, 3, 4], SIZE)
    await tell(federation, victim, { ...truth, shared, deals: truth.deals.slice(0, -1) })
    expectRefused(victim, { code: 'another_shared_set', left: 'masked input', held })
  })

  test('killed in the middle of its upload, it does not go on: not a byte more leaves', async () => {
    const federation = recorded.at('attest-survivors')
    const victim = siteAt(federation, VICTIM)
    const { sessionId } = federation.context
    const truth = truthFor(recorded.at('mask-input'), siteAt(recorded.at('mask-input'), VICTIM), 'mask-input')
    expect(answerAfterRestart(victim.journal, sessionId, truth).effects).toMatchObject([
      { kind: 'send', message: { kind: 'withdraw', code: 'session_known' } },
    ])
  })
})

describe('coordinator counts an upload that arrives after the survivors were fixed', () => {
  const everybody = encodeBitmap([1, 2, 3, 4, 5], SIZE)

  test('honest code rejects it, and neither folds nor stores it', async () => {
    const federation = lost.at('attest-survivors')
    const late = siteAt(federation, VICTIM)
    const said = sentBy(late).find((message) => message.kind === 'contribution')
    if (said?.kind !== 'contribution') throw new Error('the victim has tried')
    const environment = { nowMs: NOW_MS, bundle: identities.bundle }
    const received = receive(
      federation.coordinator,
      late.spiffeId,
      { ...said, receivedDigest: said.digest },
      environment,
    )
    expect(received.outcome).toMatchObject({ kind: 'rejected', code: 'late' })
    expect(received.effects).toEqual([])
    expect(received.session).toBe(federation.coordinator)
    const sum = await runSession(federation)
    expect(federation.folded).not.toContain(VICTIM)
    expect(sum).toEqual(plaintextSum(federation, [1, 2, 4, 5]))
  })
  test('whoever signed the list does not reveal under one that has it', async () => {
    const federation = lost.at('reveal-shares')
    const other = siteAt(federation, 1)
    const held = holdingsOf(other)
    const { certificate } = truthFor(federation, other, 'reveal-shares')
    await tell(federation, other, { kind: 'reveal-shares', certificate: { ...certificate, survivors: everybody } })
    expectRefused(other, { code: 'another_survivor_set', left: 'attestation', held })
  })
  test('and the one who is counted before its upload was whole signs no such list', async () => {
    const federation = lost.at('attest-survivors')
    const late = siteAt(federation, VICTIM)
    const held = holdingsOf(late)
    await tell(federation, late, { kind: 'attest-survivors', survivors: everybody })
    expectRefused(late, { code: 'upload_not_acknowledged', left: 'masked input', held })
  })
})

describe('participant sends a wrong-length, late, duplicate, oversize or garbage vector', () => {
  /** The cheat's upload as the transport has received and hashed it. */
  function upload(
    stage: 'mask-input' | 'attest-survivors',
    packed: (honest: Uint8Array) => Uint8Array,
    isSigned = true,
  ) {
    const federation = (stage === 'mask-input' ? recorded : lost).at(stage)
    const cheat = siteAt(federation, VICTIM)
    const done = siteAt(recorded.at('attest-survivors'), VICTIM)
    cheat.packed = packed(done.packed ?? new Uint8Array(0))
    if (cheat.session === null || cheat.session.stage === 'ended') throw new Error('the cheat is in the session')
    const digest = uploadDigest(isSigned ? cheat.packed : systemRng(8))
    const { digests } = coordinatorAt(recorded.at('mask-input'), 'mask-input').roster
    const signature = sign(cheat.session.secrets.signing, contributionStatement(digests, digest))
    return { federation, cheat, message: { kind: 'contribution', digest, signature } as const }
  }

  test('other bytes than it signed: it is a dropout, the others finish', async () => {
    const { federation, cheat, message } = upload('mask-input', (honest) => systemRng(honest.length), false)
    expect(deliver(federation, cheat, message)).toBe(false)
    for (const index of [1, 2, 4, 5]) {
      const site = siteAt(federation, index)
      await tell(federation, site, truthFor(federation, site, 'mask-input'))
    }
    if (isLive(federation.coordinator)) federation.coordinator = closeStage(federation.coordinator)
    const sum = await runSession(federation)
    expect(outcomeOf(federation)).toMatchObject({ stage: 'completed', survivors: [1, 2, 4, 5] })
    expect(sum).toEqual(plaintextSum(federation, [1, 2, 4, 5]))
  })
  test('a second one, properly signed: refused, the first counts once', async () => {
    const { federation, cheat, message } = upload('mask-input', (honest) => honest)
    expect(deliver(federation, cheat, message)).toBe(true)
    expect(deliver(federation, cheat, message)).toBe(true)
    const other = upload('mask-input', (honest) => systemRng(honest.length))
    cheat.packed = other.cheat.packed
    expect(deliver(federation, cheat, other.message)).toBe(false)
    expect(federation.folded).toEqual([VICTIM])
  })
})
