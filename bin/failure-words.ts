/** A failed call as a person at a terminal reads it: the transport library's own text stays in the error's cause. */
import type { TransportFailure } from '../shared/transport/transport-failure.ts'

/** One line; says so when the call went to the other of the coordinator's two ports. */
export function failureWords({ code, message }: Pick<TransportFailure, 'code' | 'message'>): string {
  if (code === 'unimplemented' && message.includes('does not implement the method')) {
    const address = message.split(' ')[0] ?? ''
    return `${address} does not know this call: is that the other port? Operators and participants have one each`
  }
  // The reason stays where it is short, such as ECONNREFUSED; what grpc-js tells of its own state helps nobody.
  return code === 'server_unreachable' ? message.replace(/ \(No connection established\.[\s\S]*\)$/, '') : message
}
