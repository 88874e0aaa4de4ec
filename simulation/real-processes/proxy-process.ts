/**
 * Run as a process: the network between the agents and the coordinator, one line each, and whatever else happens to an agent
 * from outside. Takes requests over its channel; when the channel ends, the harness is gone, and so is this process, after
 * it has let every paused agent go on: a stopped process could not notice.
 */

import { ProxyLine } from './proxy-line.ts'
import type { NumberedAnswer, NumberedRequest } from './proxy-messages.ts'

const lines: ProxyLine[] = []
const paused = new Set<number>()

async function carryOut(request: NumberedRequest): Promise<void> {
  switch (request.kind) {
    case 'open':
      for (let made = 0; made < request.lines; made += 1) lines.push(await ProxyLine.open(request.target))
      return
    case 'cut':
    case 'stall':
    case 'restore':
      lines[request.line]?.[request.kind]()
      return
    case 'pause':
      process.kill(request.pid, 'SIGSTOP')
      paused.add(request.pid)
      return
    case 'continue':
      paused.delete(request.pid)
      process.kill(request.pid, 'SIGCONT')
      return
    case 'count':
  }
}

async function answer(request: NumberedRequest): Promise<void> {
  const problem = await carryOut(request).then(
    () => null,
    (error: Error) => error.message,
  )
  const counted = { ports: lines.map(({ port }) => port), bytes: lines.map(({ bytes }) => bytes) }
  if (process.connected) process.send?.({ number: request.number, ...counted, problem } satisfies NumberedAnswer)
}

function end(): void {
  for (const pid of paused) {
    try {
      process.kill(pid, 'SIGCONT')
    } catch {
      // Gone already.
    }
  }
  for (const line of lines) line.close()
  process.exit(0)
}

process.on('message', (request: NumberedRequest) => void answer(request))
process.once('disconnect', end)
process.once('SIGTERM', end)
// Ctrl-C reaches the whole foreground group; the harness decides what becomes of it.
process.on('SIGINT', () => {})
