/** Run as a process: opens sessions and spends updates as fast as it can, and says each on stdout once it is recorded. */
import { writeSync } from 'node:fs'
import { openJournal } from '../../participant/journal.ts'

const journal = openJournal(process.argv[2] ?? '')
const bytes = (kind: number, count: number) => {
  const out = new Uint8Array(32).fill(kind)
  new DataView(out.buffer).setUint32(0, count)
  return out
}
for (let count = Number(process.argv[3]); ; count += 1) {
  const sessionId = bytes(1, count)
  const modelDigest = bytes(2, 0)
  journal.record({ kind: 'session-opened', sessionId, modelDigest, planDigest: bytes(7, 0), round: count, atMs: count })
  journal.record({ kind: 'roster-accepted', sessionId, rosterDigest: bytes(3, count) })
  journal.record({ kind: 'update-spent', sessionId, updateDigest: bytes(4, count) })
  const reply = [{ owner: 1, kind: 'self-mask-seed', share: bytes(6, count) }] as const
  journal.record({ kind: 'answered', sessionId, requestDigest: bytes(5, count), reply })
  writeSync(1, `${count}\n`)
}
