/** Few bytes that would decode into many objects, or into one very large one, for every request and for instructions. */
import type { Method } from './requests.ts'
import { SCHEMA } from './schema.ts'
import { writeVarint } from './wire-tree.ts'

export interface Bomb {
  readonly name: string
  /** Fields around the innermost, from outside. */
  readonly path: readonly number[]
  readonly bytes: Uint8Array
}

const delimited = (field: number, inner: Uint8Array) =>
  Buffer.concat([writeVarint((BigInt(field) << 3n) | 2n), writeVarint(BigInt(inner.length)), inner])

/** Every repeated field of the message, at every depth, filled with empty elements up to `budget` bytes. */
export function bombsIn(message: string, budget: number, path: readonly number[] = []): readonly Bomb[] {
  return (SCHEMA.get(message) ?? []).flatMap((field) => {
    const here = [...path, field.number]
    const inner = SCHEMA.has(field.type) ? bombsIn(field.type, budget, here) : []
    if (!field.isRepeated) return inner
    const many = Buffer.alloc(budget - 32)
    for (let at = 0; at + 1 < many.length; at += 2) many[at] = (field.number << 3) | 2
    const even = many.subarray(0, many.length - (many.length % 2))
    const bytes = path.reduceRight<Uint8Array>((content, number) => delimited(number, content), even)
    return [{ name: `${message}.${field.name}`, path: here, bytes: new Uint8Array(bytes) }, ...inner]
  })
}

/** A length of nearly 4 GiB in front of nothing. */
export const DECLARED: readonly Uint8Array[] = [
  Uint8Array.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
  Uint8Array.from([0x12, 0xff, 0xff, 0xff, 0x7f]),
  Uint8Array.from([0x12, 0x80, 0x80, 0x80, 0x80, 0x10, 0x00]),
  Uint8Array.from([0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
]

export const REQUEST_MESSAGES: Readonly<Record<Method, string>> = {
  hello: 'HelloRequest',
  attend: 'AttendRequest',
  download: 'DownloadRequest',
  reportReady: 'ReadyReport',
  advertiseKeys: 'AdvertiseKeysRequest',
  shareKeys: 'ShareKeysRequest',
  reportNoShare: 'ReportNoShareRequest',
  uploadStatus: 'SessionRequest',
  uploadMaskedInput: 'UploadPart',
  attestSurvivors: 'AttestSurvivorsRequest',
  revealShares: 'RevealSharesRequest',
  withdraw: 'WithdrawRequest',
}
