/** A connection is looked at for as long as it lives, and what that takes goes with it. */
import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connectionTable } from '../../../shared/transport/connection-table.ts'
import type { PeerConnection } from '../../../shared/transport/peer-connection.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

class Socket extends EventEmitter {
  destroyed = false
  destroy() {
    this.destroyed = true
    this.emit('close')
  }
}

function connection(notAfterMs: number): { readonly socket: Socket; readonly peer: PeerConnection } {
  const socket = new Socket()
  const peer = {
    address: '127.0.0.1:1',
    spiffeId: 'spiffe://test.example/site',
    chain: [],
    notAfterMs,
    wideHolders: 0,
    socket,
  }
  return { socket, peer: peer as unknown as PeerConnection }
}

test('days of looking leave no more listeners than a minute of it', () => {
  const table = connectionTable(() => {})
  const { socket, peer } = connection(Date.now() + 7 * 86_400_000)
  table.add(peer)
  const before = socket.listenerCount('close')
  vi.advanceTimersByTime(2 * 86_400_000)
  expect(socket.listenerCount('close')).toBe(before)
  expect(vi.getTimerCount()).toBe(1)
  socket.destroy()
  expect(vi.getTimerCount()).toBe(0)
  expect(table.all()).toEqual([])
})

test('it is cut when its certificate expires, and not before', () => {
  const cut: string[] = []
  const table = connectionTable((_peer, code) => cut.push(code))
  const { socket, peer } = connection(Date.now() + 150_000)
  table.add(peer)
  vi.advanceTimersByTime(149_000)
  expect(cut).toEqual([])
  vi.advanceTimersByTime(2_000)
  expect(cut).toEqual(['certificate_expired'])
  expect(socket.destroyed).toBe(true)
  expect(table.countOf(peer.spiffeId)).toBe(0)
})
