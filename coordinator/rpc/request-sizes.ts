/**
 * How many bytes a request was on the wire. Measured where it is decoded, because encoding it again to count would copy a
 * megabyte per chunk; and refused there, before it is decoded, when it is too heavy for its method.
 */
import type { ServiceDefinition } from '@grpc/grpc-js'
import { UndecodedRequest } from '../../shared/transport/undecoded-request.ts'
import { refusalToStatus } from '../../shared/wire/status.ts'
import { requestFlaw } from './request-limits.ts'

const sizes = new WeakMap<object, number>()

/** The same service, refusing heavy requests and remembering the size of every one it decodes. */
export function measured<Service extends ServiceDefinition>(service: Service): Service {
  const methods = Object.entries(service).map(([name, method]) => {
    const requestDeserialize = (bytes: Buffer) => {
      const flaw = requestFlaw(name, bytes)
      if (flaw !== null) return new UndecodedRequest(refusalToStatus('malformed', flaw))
      const request = method.requestDeserialize(bytes)
      sizes.set(request, bytes.length)
      return request
    }
    return [name, { ...method, requestDeserialize }]
  })
  // Safety: every method is there again, with a decoder of the same type.
  return Object.fromEntries(methods) as Service
}

/** Bytes of a decoded request; 0 for one that did not come through a measured service. */
export function requestBytes(request: object): number {
  return sizes.get(request) ?? 0
}
