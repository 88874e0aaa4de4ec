/** What one session runs with: the tools of its coordinator, and what is its own. */
import type { TrustBundle } from '../../shared/identity/trust-bundle.ts'
import type { MaskEngine } from '../../shared/masks/mask-engine.ts'
import type { Log } from '../../shared/runtime/log.ts'
import type { VectorEncoding } from '../../shared/vector/encoding.ts'
import type { Attendance } from '../attendance/attendance.ts'
import type { CoordinatorDrill } from '../drill.ts'
import type { SessionSetup } from '../protocol/session-state.ts'
import type { StageCount } from './session-count.ts'
import type { RecordedSession, SessionJournal } from './session-journal.ts'

export interface SessionTools {
  readonly attendance: Attendance
  readonly engine: MaskEngine
  readonly bundle: () => TrustBundle
  readonly spoolFolder: string
  /** See {@link AccumulatorRequest}. */
  readonly checkpointBytes: number
  readonly drill: CoordinatorDrill
  readonly nowMs: () => number
  readonly log: Log
}

export interface SessionRequest {
  readonly setup: SessionSetup
  readonly encoding: VectorEncoding
  readonly stageDeadlineMs: number
  readonly joinGraceMs: number
  /** Number of the version trained from: participants download by digest, people read numbers. */
  readonly version: number
  readonly journal: SessionJournal
  /** Where the session stands: newly opened, or as an earlier process left it. */
  readonly recorded: RecordedSession
  /** A participant left by its own decision, with its reason; once each. */
  readonly onWithdrawn?: (spiffeId: string, reason: { readonly code: string; readonly message: string }) => void
  readonly onProgress: (count: StageCount | { readonly stage: 'unmask'; readonly answered: 0; readonly of: 0 }) => void
}
