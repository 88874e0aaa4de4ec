/** The client that agents use: a reply that would grow beyond measure is refused before it is decoded, and the call fails. */
import { afterEach, expect, test } from 'vitest'
import { mtlsChannel } from '../../../shared/transport/mtls-channel.ts'
import { CoordinatorClient } from '../../../shared/wire/coordinator-client.ts'
import { DealForHolder } from '../../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { closeScripted, idleBecause, startScripted } from '../../participant/scripted-coordinator.ts'
import { handIdentity, identityOf, NORTH_ID, SERVER_ID } from '../transport/hello.ts'

let client: CoordinatorClient
afterEach(async () => {
  client.close()
  await closeScripted()
})

function clientOf(address: string): CoordinatorClient {
  const identity = handIdentity(identityOf(NORTH_ID))
  const channel = mtlsChannel({ address, identity, expectedServerId: SERVER_ID })
  return new CoordinatorClient(channel.target, channel.credentials, channel.options)
}

test('what is honest is read, empty deals by the thousand are not', async () => {
  const deals = Array.from({ length: 70_000 }, () => DealForHolder.decode(new Uint8Array(0)))
  const { address } = await startScripted({
    attend: (call) => {
      call.write(idleBecause('wait'))
      const step = { $case: 'maskInput', value: { shared: new Uint8Array(1), deals } } as const
      call.write({ runId: 'run-1', round: 1, sessionId: new Uint8Array(16), step })
    },
  })
  client = clientOf(address)
  const told: unknown[] = []
  const stream = client.attend({ wireLabel: '', softwareVersion: '' })
  const failure = await new Promise<Error>((resolve) => {
    stream.on('data', (instruction) => told.push(instruction.step))
    stream.on('error', resolve)
  })
  expect(told).toEqual([{ $case: 'idle', value: { reason: 'wait' } }])
  expect(failure.message).toMatch(/reply to attend: more than \d+ fields/)
})
