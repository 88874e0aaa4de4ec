/**
 * What a reply of the coordinator may weigh before an agent decodes it: a coordinator that sends empty messages by the
 * million must not take the site's memory, nor its process with all it holds.
 */
import { messageFlaw } from './message-scan.ts'
import { REPLY_SHAPES } from './shapes.ts'

/** Fields of one reply at all levels: the deals of 2,000 neighbours, 22 fields each, with room to spare. */
export const MAX_REPLY_FIELDS = 65_536
/** No reply has shorter fields on the whole: keys, digests and signatures are most of it. */
const BYTES_PER_FIELD = 8
const SHORT_REPLY_FIELDS = 64

/** Why a reply to this method is not decoded, or `null`. */
export function replyFlaw(method: string, bytes: Uint8Array): string | null {
  const maxFields = Math.min(MAX_REPLY_FIELDS, SHORT_REPLY_FIELDS + Math.floor(bytes.length / BYTES_PER_FIELD))
  const flaw = messageFlaw(bytes, REPLY_SHAPES[method] ?? {}, maxFields)
  return flaw === null ? null : `reply to ${method}: ${flaw}`
}
