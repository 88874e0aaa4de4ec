/** A call to the wrong port, and nobody at the address, as an operator reads it. */
import { expect, test } from 'vitest'
import { failureWords } from '../../bin/failure-words.ts'

test('a method that the port does not know hints at the other port', () => {
  const message =
    'h.example:7443 answered unimplemented: The server does not implement the method /blindsum.v1.Operator/ListRuns'
  expect(failureWords({ code: 'unimplemented', message })).toMatch(/^h\.example:7443 .*is that the other port\?/)
})

test('another version of the protocol is no wrong port', () => {
  const message = 'h.example:7443 answered unimplemented: wire_label_mismatch: expected blindsum/v1'
  expect(failureWords({ code: 'unimplemented', message })).toBe(message)
})

test('the library’s account of its own state is left out', () => {
  const message =
    'nothing answers at h.example:7443: is the server running? (No connection established. Last error: connect ECONNREFUSED 127.0.0.1:7443. Resolution note: )'
  expect(failureWords({ code: 'server_unreachable', message })).toBe(
    'nothing answers at h.example:7443: is the server running?',
  )
})
