/** From messages to requests as they are on the wire, with the method that takes each. */
import type { ParticipantMessage } from '../../shared/protocol/messages.ts'
import {
  AdvertiseKeysRequest,
  AttestSurvivorsRequest,
  type CoordinatorService,
  ReportNoShareRequest,
  RevealSharesRequest,
  ShareKeysRequest,
  WithdrawRequest,
} from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { UploadPart } from '../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { dealToWire, entryToWire, noShareToWire, revealToWire } from '../../shared/wire/to-wire.ts'

export type Method = keyof CoordinatorService

export interface EncodedRequest {
  readonly method: Method
  readonly wireMessage: string
  readonly bytes: Uint8Array
}

export function requestOf(
  sessionId: Uint8Array,
  message: Exclude<ParticipantMessage, { kind: 'contribution' }>,
): EncodedRequest {
  switch (message.kind) {
    case 'advertise-keys': {
      const bytes = AdvertiseKeysRequest.encode({ sessionId, entry: entryToWire(message.entry) }).finish()
      return { method: 'advertiseKeys', wireMessage: 'AdvertiseKeysRequest', bytes }
    }
    case 'share-keys': {
      const bytes = ShareKeysRequest.encode({ sessionId, deal: dealToWire(message.deal) }).finish()
      return { method: 'shareKeys', wireMessage: 'ShareKeysRequest', bytes }
    }
    case 'no-share': {
      const bytes = ReportNoShareRequest.encode({ sessionId, noShare: noShareToWire(message) }).finish()
      return { method: 'reportNoShare', wireMessage: 'ReportNoShareRequest', bytes }
    }
    case 'attest-survivors': {
      const { signature } = message
      const bytes = AttestSurvivorsRequest.encode({ sessionId, attestation: { signature } }).finish()
      return { method: 'attestSurvivors', wireMessage: 'AttestSurvivorsRequest', bytes }
    }
    case 'reveal-shares': {
      const bytes = RevealSharesRequest.encode({ sessionId, reveal: revealToWire(message.shares) }).finish()
      return { method: 'revealShares', wireMessage: 'RevealSharesRequest', bytes }
    }
    case 'withdraw': {
      const { code, message: words } = message
      const bytes = WithdrawRequest.encode({ sessionId, code, message: words }).finish()
      return { method: 'withdraw', wireMessage: 'WithdrawRequest', bytes }
    }
  }
}

/** Header, the whole input as one chunk, receipt. */
export function uploadParts(
  sessionId: Uint8Array,
  packed: Uint8Array,
  { digest, signature }: { readonly digest: Uint8Array; readonly signature: Uint8Array },
): readonly Uint8Array[] {
  const part = (value: NonNullable<UploadPart['part']>) => UploadPart.encode({ part: value }).finish()
  return [
    part({ $case: 'header', value: { sessionId, totalBytes: packed.length, offset: 0 } }),
    part({ $case: 'chunk', value: packed }),
    part({ $case: 'contribution', value: { digest, signature } }),
  ]
}
