/**
 * Run as a process, to be killed in the middle of a write: lives session after session in the journal, every fact in its
 * order, and says `SESSION PLACE` on stdout once a fact is recorded.
 */
import { writeSync } from 'node:fs'
import { openJournal } from '../../participant/journal.ts'
import { factsOfSession } from './torn-journal.ts'

const journal = openJournal(process.argv[2] ?? '')
for (let session = Number(process.argv[3]); ; session += 1) {
  for (const [place, fact] of factsOfSession(session).entries()) {
    journal.record(fact)
    writeSync(1, `${session} ${place}\n`)
  }
}
