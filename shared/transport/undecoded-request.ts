/**
 * What a service's decoder returns for a request it will not decode. The gate answers the call with the status and no
 * handler sees it. A decoder that throws would be answered as INTERNAL, which callers take for our fault and try again.
 */
import type { status } from '@grpc/grpc-js'

export class UndecodedRequest {
  readonly code: status
  readonly details: string

  constructor(refusal: { readonly code: status; readonly details: string }) {
    this.code = refusal.code
    this.details = refusal.details
  }
}
