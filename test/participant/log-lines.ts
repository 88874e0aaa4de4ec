/** A log whose lines a test can read. */
import { type Log, openLog } from '../../shared/runtime/log.ts'

export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

/** `until` resolves with the first line, past or future, that `wanted` accepts. */
export interface LogLines {
  readonly log: Log
  /** A line of another process's log. */
  readonly write: (text: string) => void
  readonly lines: () => readonly LogLine[]
  readonly until: (wanted: (line: LogLine) => boolean) => Promise<LogLine>
}

export function logLines(): LogLines {
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  const write = (text: string) => {
    lines.push(JSON.parse(text))
    for (const look of [...waiting]) look()
  }
  return {
    log: openLog({ name: 'test', level: 'trace', destination: { write } }),
    write,
    lines: () => lines,
    until: (wanted) =>
      new Promise((resolve) => {
        const look = () => {
          const found = lines.find(wanted)
          if (found === undefined) return
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
  }
}
