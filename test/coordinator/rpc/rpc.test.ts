import { status } from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import { operatorAccess } from '../../../coordinator/access/operator-access.ts'
import { toStatus } from '../../../coordinator/rpc/call-errors.ts'
import { checkFirstCall } from '../../../coordinator/rpc/first-call.ts'
import { printable } from '../../../coordinator/rpc/printable.ts'
import { measured, requestBytes } from '../../../coordinator/rpc/request-sizes.ts'
import { UploadSlots } from '../../../coordinator/rpc/upload-slots.ts'
import { CoordinatorStopping } from '../../../coordinator/stopping.ts'
import { storageFailure } from '../../../coordinator/store/storage-failure.ts'
import { ConfigError, InvariantError } from '../../../shared/errors.ts'
import { ProtocolError } from '../../../shared/protocol/refusal.ts'
import { openLog } from '../../../shared/runtime/log.ts'
import { CoordinatorService } from '../../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { UploadPart } from '../../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'

describe('the first call', () => {
  const call =
    (wireLabel: string, softwareVersion = '0.1.0') =>
    () =>
      checkFirstCall({ wireLabel, softwareVersion })
  const refused = (code: string, words: RegExp) =>
    expect.objectContaining({ code, message: expect.stringMatching(words) })

  test('of the same protocol passes, whatever the version of the software', () => {
    expect(call('blindsum/v1', '9.9.9-rc.1')).not.toThrow()
  })

  test('of another protocol is refused, saying who has to be upgraded', () => {
    expect(call('blindsum/v2')).toThrow(refused('wire_label_mismatch', /upgrade the coordinator/))
    for (const label of ['blindsum/v0', 'other/v1', '', 'blindsum/v1 ']) {
      expect(call(label)).toThrow(refused('wire_label_mismatch', /upgrade the caller to one that speaks blindsum\/v1/))
    }
  })

  test('does not repeat what a stranger wrote into it', () => {
    expect(call('\u001b[2J')).toThrow(refused('wire_label_mismatch', /^[ -~]*$/))
    expect(call('blindsum/v1', '1\n2')).toThrow(refused('malformed', /software_version/))
  })
})

describe('what went wrong becomes a status', () => {
  const lines: string[] = []
  const log = openLog({ name: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } })

  test('a refusal with its code', () => {
    expect(toStatus(new ProtocolError('late', 'too late'), log)).toEqual({
      code: status.FAILED_PRECONDITION,
      details: 'late: too late',
    })
  })

  test("a person's mistake with all its words", () => {
    expect(toStatus(new ConfigError('bad_plan', ['one', 'two']), log)).toEqual({
      code: status.INVALID_ARGUMENT,
      details: 'bad_plan: one\ntwo',
    })
  })

  test('what could not be kept with when to try again', () => {
    const hint = { 'grpc-retry-pushback-ms': '5000' }
    const noSpace = Object.assign(new Error('write'), { code: 'ENOSPC' })
    const full = toStatus(storageFailure(noSpace), log)
    expect(full).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: expect.stringMatching(/^disk_full: /) })
    expect(full.metadata?.getMap()).toEqual(hint)
    const failed = toStatus(storageFailure(Object.assign(new Error('disk I/O'), { errcode: 10 })), log)
    expect(failed).toMatchObject({ code: status.UNAVAILABLE, details: expect.stringMatching(/^storage_failed: /) })
    expect(failed.metadata?.getMap()).toEqual(hint)
  })

  test('that the coordinator stops', () => {
    expect(toStatus(new CoordinatorStopping(), log)).toMatchObject({ code: status.UNAVAILABLE })
  })

  test('our own fault without its inside, which the log has', () => {
    const answer = toStatus(new InvariantError('seed 4711 is at /var/lib'), log)
    expect(answer).toMatchObject({ code: status.INTERNAL })
    expect(answer.details).not.toMatch(/4711|var/)
    expect(lines.join()).toContain('4711')
  })
})

test('operators are those of the list, whole', () => {
  const access = operatorAccess(['spiffe://a.example/operator/ada'])
  expect(access('spiffe://a.example/operator/ada')).toEqual({ ok: true })
  for (const other of [
    'spiffe://a.example/operator/ad',
    'spiffe://a.example/operator/ada/x',
    'spiffe://b.example/operator/ada',
  ]) {
    expect(access(other)).toMatchObject({ ok: false, code: 'not_permitted' })
  }
})

test('words of a peer cannot steer a terminal', () => {
  expect(printable('\u001b]0;title\u0007 fine \u202e', 100)).toBe('?]0;title? fine ?')
  expect(printable('long', 2)).toBe('lo')
})

test('a request knows how many bytes it came in', () => {
  const part = { part: { $case: 'chunk', value: new Uint8Array(1000) } } as const
  const bytes = Buffer.from(UploadPart.encode(part).finish())
  const decoded = measured(CoordinatorService).uploadMaskedInput.requestDeserialize(bytes)
  expect(requestBytes(decoded)).toBe(bytes.length)
  expect(requestBytes({})).toBe(0)
})

test('so many uploads at once, the others in the order in which they came', async () => {
  const slots = new UploadSlots(1)
  const order: string[] = []
  const stop = new AbortController()
  const signal = new AbortController().signal
  const first = await slots.take(signal)
  const second = slots.take(signal).then((giveBack) => {
    order.push('second')
    giveBack()
  })
  const abandoned = slots.take(stop.signal)
  const third = slots.take(signal).then(() => order.push('third'))
  stop.abort(new Error('hung up'))
  await expect(abandoned).rejects.toThrow('hung up')
  expect(order).toEqual([])
  first()
  first()
  await Promise.all([second, third])
  expect(order).toEqual(['second', 'third'])
})
