/**
 * The live connections of one server: found by address, counted by SPIFFE ID, and cut when their certificate expires or
 * the trust bundle no longer vouches for it.
 */
import type { TrustBundle } from '../identity/trust-bundle.ts'
import { validateSvid } from '../identity/validate-svid.ts'
import type { PeerConnection } from './peer-connection.ts'

/** Timers look at the clock at least this often, so a clock set forward or a long sleep is noticed. */
const LOOK_MS = 60_000

export interface ConnectionTable {
  add(connection: PeerConnection): void
  at(address: string): PeerConnection | undefined
  countOf(spiffeId: string): number
  all(): readonly PeerConnection[]
  /** Judges every connection again by `bundle` and cuts those it no longer vouches for. */
  judgeAgain(bundle: TrustBundle): void
}

/** Makes an empty table. `onCut` hears why a connection was ended by us. */
export function connectionTable(
  onCut: (connection: PeerConnection, code: string, message: string) => void,
): ConnectionTable {
  const byAddress = new Map<string, PeerConnection>()
  const counts = new Map<string, number>()

  const cut = (connection: PeerConnection, code: string, message: string) => {
    onCut(connection, code, message)
    connection.socket.destroy()
  }
  const timers = new Map<PeerConnection, NodeJS.Timeout>()
  const watch = (connection: PeerConnection) => {
    if (connection.socket.destroyed) return
    const leftMs = connection.notAfterMs - Date.now()
    if (leftMs < 0) {
      cut(connection, 'certificate_expired', `the certificate of ${connection.spiffeId} has expired`)
      return
    }
    const timer = setTimeout(() => watch(connection), Math.min(leftMs + 1, LOOK_MS))
    timer.unref()
    timers.set(connection, timer)
  }
  const remove = (connection: PeerConnection) => {
    clearTimeout(timers.get(connection))
    timers.delete(connection)
    if (byAddress.get(connection.address) === connection) byAddress.delete(connection.address)
    const left = (counts.get(connection.spiffeId) ?? 1) - 1
    if (left === 0) counts.delete(connection.spiffeId)
    else counts.set(connection.spiffeId, left)
  }

  return {
    add: (connection) => {
      byAddress.set(connection.address, connection)
      counts.set(connection.spiffeId, (counts.get(connection.spiffeId) ?? 0) + 1)
      connection.socket.once('close', () => remove(connection))
      watch(connection)
    },
    at: (address) => byAddress.get(address),
    countOf: (spiffeId) => counts.get(spiffeId) ?? 0,
    all: () => [...byAddress.values()],
    judgeAgain: (bundle) => {
      for (const connection of byAddress.values()) {
        const verdict = validateSvid(connection.chain, bundle, Date.now())
        if (verdict.ok) connection.notAfterMs = verdict.notAfterMs
        else cut(connection, verdict.code, verdict.message)
      }
    },
  }
}
