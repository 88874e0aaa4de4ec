/** From the core's messages to calls: one message, one call, for one session. The receipt travels with its upload. */
import { InvariantError, unreachable } from '../shared/errors.ts'
import type { ParticipantMessage } from '../shared/protocol/messages.ts'
import { dealToWire, entryToWire, noShareToWire, revealToWire } from '../shared/wire/to-wire.ts'
import type { CallLimits, Connection } from './connection.ts'

/** How long a goodbye may take; nobody waits for it longer. */
const WITHDRAW_DEADLINE_MS = 3000

/**
 * Sends until the coordinator has it. @throws CallRefused when it does not want it; the signal's reason when aborted.
 */
export async function sendMessage(
  connection: Connection,
  sessionId: Uint8Array,
  message: Exclude<ParticipantMessage, { kind: 'withdraw' }>,
  limits: CallLimits,
): Promise<void> {
  switch (message.kind) {
    case 'advertise-keys': {
      const request = { sessionId, entry: entryToWire(message.entry) }
      await connection.call((client) => client.advertiseKeys.bind(client), request, limits)
      return
    }
    case 'share-keys': {
      const request = { sessionId, deal: dealToWire(message.deal) }
      await connection.call((client) => client.shareKeys.bind(client), request, limits)
      return
    }
    case 'no-share': {
      const request = { sessionId, noShare: noShareToWire(message) }
      await connection.call((client) => client.reportNoShare.bind(client), request, limits)
      return
    }
    case 'contribution':
      throw new InvariantError('a receipt is sent by its upload')
    case 'attest-survivors': {
      const request = { sessionId, attestation: { signature: message.signature } }
      await connection.call((client) => client.attestSurvivors.bind(client), request, limits)
      return
    }
    case 'reveal-shares': {
      const request = { sessionId, reveal: revealToWire(message.shares) }
      await connection.call((client) => client.revealShares.bind(client), request, limits)
      return
    }
    default:
      unreachable(message)
  }
}

/** Says goodbye to a session, once; whether it is heard changes nothing for this participant. */
export async function sendWithdraw(
  connection: Connection,
  sessionId: Uint8Array,
  { code, message }: { readonly code: string; readonly message: string },
): Promise<void> {
  const limits = { signal: AbortSignal.timeout(WITHDRAW_DEADLINE_MS), deadlineMs: WITHDRAW_DEADLINE_MS }
  const request = { sessionId, code, message }
  await connection.callOnce((client) => client.withdraw.bind(client), request, limits).catch(() => {})
}
