/** The generated client with replies looked at before they are decoded. A call whose reply is refused fails as INTERNAL. */
import { makeGenericClientConstructor } from '@grpc/grpc-js'
import { ProtocolError } from '../protocol/refusal.ts'
import { CoordinatorService, type CoordinatorClient as Generated } from './generated/blindsum/v1/coordinator.ts'
import { replyFlaw } from './reply-limits.ts'

const careful = Object.fromEntries(
  Object.entries(CoordinatorService).map(([name, method]) => {
    const responseDeserialize = (bytes: Buffer) => {
      const flaw = replyFlaw(name, bytes)
      if (flaw !== null) throw new ProtocolError('malformed', flaw)
      return method.responseDeserialize(bytes)
    }
    return [name, { ...method, responseDeserialize }]
  }),
)

// Safety: every method is there again, with a decoder of the same type.
export const CoordinatorClient = makeGenericClientConstructor(
  careful,
  'blindsum.v1.Coordinator',
) as unknown as typeof Generated
export type CoordinatorClient = Generated
