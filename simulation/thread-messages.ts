/** What the main thread, which is the coordinator, and a thread of participants say to each other. Bytes are handed over. */
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'
import type { Lanes } from '../shared/vector/encoding.ts'
import type { Fate } from './fates.ts'
import type { CertifiedKey } from './identities.ts'
import type { SimulationPlan } from './plan.ts'
import type { Method } from './wire-bytes.ts'

/** What a thread is started with. Keys by place; nobody else has them. */
export interface ThreadStart {
  readonly plan: SimulationPlan
  readonly bundle: TrustBundle
  readonly own: readonly (readonly [number, CertifiedKey])[]
}

export type ToThread =
  | {
      readonly kind: 'round'
      readonly round: number
      readonly sessionId: Uint8Array
      readonly fates: readonly (readonly [number, Fate])[]
    }
  | { readonly kind: 'instruct'; readonly place: number; readonly bytes: Uint8Array }
  | { readonly kind: 'upload-answered'; readonly accepted: boolean }
  /** Asks for the plaintext sum of these of the thread's participants. */
  | { readonly kind: 'add-up'; readonly survivors: readonly number[] }

export type FromThread =
  | { readonly kind: 'message'; readonly place: number; readonly method: Method; readonly bytes: Uint8Array }
  | { readonly kind: 'upload'; readonly place: number; readonly parts: readonly Uint8Array[] }
  /** The instruction is obeyed, everything it asked for has been sent. */
  | {
      readonly kind: 'obeyed'
      readonly place: number
      readonly cpuMs: number
      readonly refusal: { readonly code: string; readonly message: string } | null
    }
  | { readonly kind: 'added-up'; readonly lanes: Lanes }
