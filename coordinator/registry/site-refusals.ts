/** What sites said last when they took no part: in: a run's latest events, newest first. Out: one word per site. Pure. */
import type { RunEventBody, StoredEvent } from './run-events.ts'

export interface SiteRefusal {
  readonly spiffeId: string
  readonly round: number
  readonly code: string
  readonly message: string
}

/** The kinds of events that say it. */
export const REFUSAL_KINDS = ['round_started', 'participant_ready', 'participant_withdrew'] as const

/** A round that has just begun has heard nobody yet: what was said in the attempt before still holds. */
const ATTEMPTS = 2

/** The last refusal of every site that has not been ready since, from the present attempt and the one before. */
export function siteRefusals(newestFirst: readonly StoredEvent[]): SiteRefusal[] {
  const last = new Map<string, SiteRefusal | null>()
  let attempts = 0
  for (const { kind, body: text } of newestFirst) {
    // Safety: the log holds what was appended as a RunEventBody.
    const event = { kind, body: JSON.parse(text) } as RunEventBody
    if (event.kind === 'round_started') attempts += 1
    if (attempts === ATTEMPTS) break
    if (event.kind !== 'participant_ready' && event.kind !== 'participant_withdrew') continue
    const { spiffeId, round, code, message } = event.body
    const isReady = event.kind === 'participant_ready' && event.body.ready
    if (!last.has(spiffeId)) last.set(spiffeId, isReady ? null : { spiffeId, round, code, message })
  }
  return [...last.values()].filter((refusal) => refusal !== null).sort((a, b) => (a.spiffeId < b.spiffeId ? -1 : 1))
}
