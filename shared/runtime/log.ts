/**
 * The log: pino JSON lines on stdout, pretty on a terminal. Fields `run`, `round` and `session` say what a line is about.
 * Bytes never reach a line: whatever is binary, or named like a secret, is replaced by its length or a mark.
 */
import pino, { type DestinationStream, type Logger } from 'pino'
import pretty from 'pino-pretty'

export type Log = Logger

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const SECRET_NAMES = ['secret', 'privateKey', 'seed', 'share', 'shares', 'mask', 'masks', 'vector', 'update', 'reveal']

/** Opens the log of a process. `destination` is for tests; by default stdout, pretty when it is a terminal. */
export function openLog(options: {
  readonly name: string
  readonly level: LogLevel
  readonly destination?: DestinationStream
}): Log {
  const settings = {
    name: options.name,
    level: options.level,
    base: { name: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    formatters: { level: (label: string) => ({ level: label }), log: withoutBytes },
    serializers: { error: pino.stdSerializers.err },
  }
  if (options.destination !== undefined) return pino(settings, options.destination)
  if (process.stdout.isTTY) return pino(settings, pretty({ sync: true, ignore: 'pid,hostname,name' }))
  return pino(settings, pino.destination({ dest: 1, sync: true }))
}

/** Replaces bytes at the top level and one level down by their length. */
function withoutBytes(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (isBytes(value)) return [name, lengthOf(value)]
      if (value === null || typeof value !== 'object' || value instanceof Error || Array.isArray(value)) {
        return [name, value]
      }
      const inner = Object.entries(value).map(([key, field]) => [key, isBytes(field) ? lengthOf(field) : field])
      return [name, Object.fromEntries(inner)]
    }),
  )
}

function isBytes(value: unknown): value is ArrayBufferView {
  return ArrayBuffer.isView(value)
}

function lengthOf(value: ArrayBufferView): string {
  return `[${value.byteLength} bytes]`
}
