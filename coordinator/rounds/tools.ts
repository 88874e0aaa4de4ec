/** What every round works with: made once in main, handed down. */
import type { MaskEngine } from '../../shared/masks/mask-engine.ts'
import type { Rng } from '../../shared/random.ts'
import type { Log } from '../../shared/runtime/log.ts'
import type { IdentitySource } from '../../shared/transport/identity-source.ts'
import type { Attendance } from '../attendance/attendance.ts'
import type { CoordinatorDrill } from '../drill.ts'
import type { Signer } from '../provenance/signer.ts'
import type { EventLog } from '../registry/event-log.ts'
import type { Runs } from '../registry/runs.ts'
import type { SessionAttempts } from '../registry/session-attempts.ts'
import type { Versions } from '../registry/versions.ts'
import type { BlobStore } from '../store/blobs.ts'
import type { ByteMeter } from './byte-meter.ts'
import type { Floor } from './floor.ts'
import type { LiveRounds } from './live-rounds.ts'
import type { PresentTexts } from './round-notes.ts'

export interface RoundTools {
  readonly runs: Runs
  readonly versions: Versions
  readonly attempts: SessionAttempts
  readonly events: EventLog
  readonly blobs: BlobStore
  readonly attendance: Attendance
  readonly floor: Floor
  readonly live: LiveRounds
  readonly present: PresentTexts
  readonly meter: ByteMeter
  readonly engine: MaskEngine
  readonly identity: IdentitySource
  readonly signer: Signer
  readonly spoolFolder: string
  /** Masked inputs that are kept beside their sum before the sum is written to disk, bytes. */
  readonly checkpointBytes: number
  readonly drill: CoordinatorDrill
  /** Aborted with CoordinatorStopping when the coordinator is asked to stop. */
  readonly stopping: AbortSignal
  readonly rng: Rng
  readonly nowMs: () => number
  readonly log: Log
}
