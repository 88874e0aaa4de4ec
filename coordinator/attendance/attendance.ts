/**
 * Who is connected, and what each agent is told now. An agent attends with one stream, the newest wins; it is told where it
 * stands at once and after every change. Instructions are kept as functions, so that large ones are made when sent.
 */
import type { Instruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'

/** The sending end of one agent's stream. */
export interface AttendStream {
  send(instruction: Instruction): void
  /** Ends the stream from this side, and says why: a stable code and words. */
  end(code: 'superseded' | 'shutting_down', why: string): void
}

/** Makes an agent's present instruction. */
export type Standing = () => Instruction

export class Attendance {
  readonly #nowMs: () => number
  readonly #beganAtMs: number
  readonly #streams = new Map<string, AttendStream>()
  readonly #lastSeenMs = new Map<string, number>()
  readonly #expectedBackMs = new Map<string, number>()
  readonly #standings = new Map<string, Standing>()
  readonly #listeners = new Set<() => void>()

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#beganAtMs = nowMs()
  }

  /** Takes an agent's stream and tells it where it stands. The returned function is called when the stream has ended. */
  attach(spiffeId: string, stream: AttendStream): () => void {
    const earlier = this.#streams.get(spiffeId)
    this.#streams.set(spiffeId, stream)
    earlier?.end('superseded', `another stream of ${spiffeId} has taken the place of this one`)
    stream.send(this.#standingOf(spiffeId)())
    this.#changed()
    return () => {
      if (this.#streams.get(spiffeId) !== stream) return
      this.#streams.delete(spiffeId)
      this.#lastSeenMs.set(spiffeId, this.#nowMs())
      this.#changed()
    }
  }

  /** From now on this is where the agent stands; told at once when it is connected. */
  tell(spiffeId: string, standing: Standing): void {
    this.#standings.set(spiffeId, standing)
    this.#streams.get(spiffeId)?.send(standing())
  }

  /** Nothing to do any more, unless something else was told since `standing`. */
  dismiss(spiffeId: string, standing: Standing, reason: string): void {
    if (this.#standings.get(spiffeId) === standing) this.tell(spiffeId, () => idle(reason))
  }

  /** Ends every stream: the coordinator is stopping. */
  end(): void {
    for (const stream of this.#streams.values()) stream.end('shutting_down', 'the coordinator is stopping')
  }

  /**
   * Since when the agent has not been connected; null while it is. One that has not been seen yet counts from when the
   * coordinator began, or from when it is expected back, which may be later than now.
   */
  absentSinceMs(spiffeId: string): number | null {
    if (this.#streams.has(spiffeId)) return null
    return this.#lastSeenMs.get(spiffeId) ?? this.#expectedBackMs.get(spiffeId) ?? this.#beganAtMs
  }

  /** They served a session when an earlier process ended, and get until then to connect again. */
  expectBack(spiffeIds: readonly string[], atMs: number): void {
    for (const spiffeId of spiffeIds) this.#expectedBackMs.set(spiffeId, atMs)
  }

  connected(): readonly string[] {
    return [...this.#streams.keys()].sort()
  }

  /** Calls `listener` whenever an agent comes or goes, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #standingOf(spiffeId: string): Standing {
    return this.#standings.get(spiffeId) ?? (() => idle('no running plan has asked for you yet'))
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}

/** "Nothing to do", with the reason in words. */
export function idle(reason: string): Instruction {
  return { runId: '', round: 0, sessionId: new Uint8Array(0), step: { $case: 'idle', value: { reason } } }
}
