/**
 * What the .proto files say, read from the files themselves: every message with its fields. The generated code carries no
 * descriptors, and a table written by hand would miss the field that somebody adds tomorrow.
 */
import { readFileSync } from 'node:fs'

export interface FieldSchema {
  readonly message: string
  readonly name: string
  readonly number: number
  /** A scalar of protobuf, or the name of a message. */
  readonly type: string
  readonly isRepeated: boolean
  readonly isInOneof: boolean
}

export type Schema = ReadonlyMap<string, readonly FieldSchema[]>

const FIELD = /^(repeated\s+)?(\w+)\s+(\w+)\s*=\s*(\d+)\s*;$/

/** Messages of both files by name, fields in the order of the file. */
export function readSchema(names: readonly string[] = ['secure_aggregation', 'coordinator']): Schema {
  const messages = new Map<string, FieldSchema[]>()
  for (const name of names) {
    const text = readFileSync(new URL(`../../proto/blindsum/v1/${name}.proto`, import.meta.url), 'utf8')
    let message: string | null = null
    let isInOneof = false
    for (const raw of text.split('\n')) {
      const line = raw.replace(/\/\/.*$/, '').trim()
      const opened = /^message (\w+) \{(\})?$/.exec(line)
      if (opened !== null) {
        message = opened[2] === undefined ? (opened[1] ?? '') : null
        messages.set(opened[1] ?? '', [])
      } else if (message !== null && /^oneof \w+ \{$/.test(line)) isInOneof = true
      else if (message !== null && line === '}') {
        if (isInOneof) isInOneof = false
        else message = null
      } else if (message !== null && line !== '') {
        const field = FIELD.exec(line)
        if (field === null) throw new Error(`${name}.proto: a line of ${message} that is no field: ${line}`)
        const [, repeated, type = '', fieldName = '', number] = field
        const isRepeated = repeated !== undefined
        messages.get(message)?.push({ message, name: fieldName, number: Number(number), type, isRepeated, isInOneof })
      }
    }
  }
  return messages
}

export const SCHEMA: Schema = readSchema()
