/** Where the coordinator is between its start and its end, for whoever asks whether to send it calls. */

export type Phase = 'starting' | 'serving' | 'stopping'

export interface Lifecycle {
  readonly phase: Phase
  /** Moves forward, never back. */
  enter(phase: Phase): void
  /** Told of every change until the returned function is called. */
  onChange(listener: (phase: Phase) => void): () => void
}

const ORDER: readonly Phase[] = ['starting', 'serving', 'stopping']

export function beginLifecycle(): Lifecycle {
  const listeners = new Set<(phase: Phase) => void>()
  let phase: Phase = 'starting'
  return {
    get phase() {
      return phase
    },
    enter(next) {
      if (ORDER.indexOf(next) <= ORDER.indexOf(phase)) return
      phase = next
      for (const listener of listeners) listener(next)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
