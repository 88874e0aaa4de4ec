/** What the harness asks of the proxy process, and what comes back: every request has a number, every answer the same. */
import type { LineBytes, Target } from './proxy-line.ts'

export type ProxyRequest =
  /** So many lines to the coordinator; the answer has their ports. */
  | { readonly kind: 'open'; readonly lines: number; readonly target: Target }
  | { readonly kind: 'cut' | 'stall' | 'restore'; readonly line: number }
  /** SIGSTOP and SIGCONT for an agent. The proxy process sends them so that nobody stays stopped when the harness is gone. */
  | { readonly kind: 'pause' | 'continue'; readonly pid: number }
  /** The answer has the bytes of every line so far. */
  | { readonly kind: 'count' }

export interface ProxyAnswer {
  readonly ports: readonly number[]
  readonly bytes: readonly LineBytes[]
  /** Null when it was done. */
  readonly problem: string | null
}

export type NumberedRequest = ProxyRequest & { readonly number: number }
export type NumberedAnswer = ProxyAnswer & { readonly number: number }
