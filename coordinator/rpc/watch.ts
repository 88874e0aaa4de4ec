/** The WatchRun call: history first, then live, from the same table; ends when the run has ended and all of it is told. */
import { once } from 'node:events'
import type { RunEvent } from '../../shared/wire/generated/blindsum/v1/operator.ts'
import type { EventLog } from '../registry/event-log.ts'
import { hasEnded } from '../registry/run-state.ts'
import type { Runs } from '../registry/runs.ts'

export async function* watchRun(
  request: { readonly run: string; readonly afterEvent: number },
  tools: { readonly runs: Runs; readonly events: EventLog },
  ended: AbortSignal,
): AsyncIterable<RunEvent> {
  const { id } = await tools.runs.find(request.run)
  let last = request.afterEvent
  while (!ended.aborted) {
    const woken = new AbortController()
    const unfollow = tools.events.follow(id, () => woken.abort())
    try {
      // The state is read before the events: an end seen here has its event in what is read next.
      const { state } = await tools.runs.find(id)
      const events = await tools.events.since(id, last)
      for (const event of events) {
        yield event
        last = event.sequence
      }
      if (events.length > 0) continue
      if (hasEnded(state)) return
      await once(AbortSignal.any([woken.signal, ended]), 'abort')
    } finally {
      unfollow()
    }
  }
}
