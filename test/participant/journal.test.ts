import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Journal, openJournal } from '../../participant/journal.ts'
import { answerAfterRestart } from '../../participant/protocol/session.ts'
import { requestDigest } from '../../participant/protocol/stage4-reveal-shares.ts'
import type { Reveal } from '../../shared/protocol/reveal.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'))
  path = join(folder, 'journal.sqlite')
})
afterEach(() => rmSync(folder, { recursive: true }))

const fill = (value: number, length = 32) => new Uint8Array(length).fill(value)
const first = fill(1, 16)
const second = fill(2, 16)
const model = fill(9)
const reply: Reveal = [
  { owner: 1, kind: 'self-mask-seed', share: fill(0xab) },
  { owner: 2, kind: 'mask-key', share: fill(0xcd) },
  { owner: 3, kind: 'none' },
]
const target = { modelDigest: model, planDigest: fill(10), round: 1 }
const opened = (sessionId: Uint8Array, changes: object = {}) =>
  ({ kind: 'session-opened', sessionId, ...target, ...changes, atMs: 1 }) as const
const answered = (sessionId: Uint8Array) => ({ kind: 'answered', sessionId, requestDigest: fill(7), reply }) as const

/** As the first version of this software made it. */
const FORMAT_1 = `
  CREATE TABLE session (
    id BLOB PRIMARY KEY, model_digest BLOB NOT NULL, opened_at_ms INTEGER NOT NULL, reply_until_ms INTEGER NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0, roster_digest BLOB, shared BLOB, survivors BLOB, request_digest BLOB, reply TEXT
  ) STRICT;
  CREATE TABLE spent_update (digest BLOB PRIMARY KEY, session_id BLOB NOT NULL REFERENCES session (id)) STRICT;
  CREATE INDEX session_by_model ON session (model_digest);
  PRAGMA user_version = 1;
`

function within<T>(work: (journal: Journal) => T): T {
  const journal = openJournal(path)
  try {
    return work(journal)
  } finally {
    journal.close()
  }
}

test('masked sessions are counted from a time on, after a restart too', () => {
  within((journal) => {
    journal.record({ ...opened(first), atMs: 100 })
    journal.record({ kind: 'update-spent', sessionId: first, updateDigest: fill(4) })
    journal.record({ ...opened(second), atMs: 200 })
  })
  within((journal) => {
    expect([100, 101].map((ms) => journal.maskedSessionsSince(ms))).toEqual([1, 0])
    journal.record({ kind: 'update-spent', sessionId: second, updateDigest: fill(5) })
    expect([100, 200, 201].map((ms) => journal.maskedSessionsSince(ms))).toEqual([2, 1, 0])
  })
})

test('a plan was taken part in once an update was masked for it, and from then on', () => {
  const fact = { ...opened(first), atMs: 100 }
  within((journal) => {
    journal.record(fact)
    expect(journal.tookPartSince(fact.planDigest, 0)).toBe(false)
    journal.record({ kind: 'update-spent', sessionId: first, updateDigest: fill(4) })
  })
  within((journal) => {
    expect([100, 101].map((ms) => journal.tookPartSince(fact.planDigest, ms))).toEqual([true, false])
    expect(journal.tookPartSince(fill(99), 0)).toBe(false)
  })
})

test('facts are there after closing and opening again', () => {
  within((journal) => {
    expect(journal.knowsSession(first)).toBe(false)
    journal.record(opened(first))
    journal.record({ kind: 'roster-accepted', sessionId: first, rosterDigest: fill(3) })
    journal.record({ kind: 'shared-set-accepted', sessionId: first, shared: fill(4, 1) })
    journal.record({ kind: 'update-spent', sessionId: first, updateDigest: fill(5) })
    journal.record({ kind: 'survivors-attested', sessionId: first, survivors: fill(4, 1) })
    journal.record(answered(first))
  })
  within((journal) => {
    expect(journal.knowsSession(first)).toBe(true)
    expect(journal.isSpent(fill(5))).toBe(true)
    expect(journal.isSpent(fill(6))).toBe(false)
    expect(journal.maskedSessionsOn(target)).toBe(1)
    expect(journal.replyOf(first)).toEqual({ requestDigest: fill(7), reply })
    expect(journal.replyOf(second)).toBe(null)
  })
})

test('only sessions that spent an update count as masked', () => {
  within((journal) => {
    journal.record(opened(first))
    journal.record(opened(second))
    expect(journal.maskedSessionsOn(target)).toBe(0)
    journal.record({ kind: 'update-spent', sessionId: second, updateDigest: fill(5) })
    expect(journal.maskedSessionsOn(target)).toBe(1)
    expect(journal.maskedSessionsOn({ modelDigest: fill(8), planDigest: fill(8), round: 1 })).toBe(0)
  })
})

test('masked sessions count by model and by round of a plan, whichever are more', () => {
  within((journal) => {
    // One model spelt in two ways in one round, and once more in another round.
    const sessions = [{}, { modelDigest: fill(11) }, { modelDigest: fill(12) }, { modelDigest: fill(12), round: 2 }]
    for (const [place, changes] of sessions.entries()) {
      const sessionId = fill(20 + place, 16)
      journal.record(opened(sessionId, changes))
      journal.record({ kind: 'update-spent', sessionId, updateDigest: fill(30 + place) })
    }
    expect(journal.maskedSessionsOn(target)).toBe(3)
    expect(journal.maskedSessionsOn({ ...target, round: 2 })).toBe(1)
    expect(journal.maskedSessionsOn({ ...target, modelDigest: fill(12), round: 2 })).toBe(2)
    expect(journal.maskedSessionsOn({ ...target, round: 3 })).toBe(1)
    expect(journal.maskedSessionsOn({ modelDigest: fill(8), planDigest: fill(8), round: 1 })).toBe(0)
  })
})

test('a journal of format 1 is taken over, its sessions counted by their model', () => {
  const database = new DatabaseSync(path)
  database.exec(FORMAT_1)
  database.prepare('INSERT INTO session VALUES (?, ?, 1, 2, 0, NULL, NULL, NULL, NULL, NULL)').run(first, model)
  database.prepare('INSERT INTO spent_update VALUES (?, ?)').run(fill(5), first)
  database.close()
  within((journal) => {
    expect(journal.isSpent(fill(5))).toBe(true)
    expect(journal.maskedSessionsOn(target)).toBe(1)
    expect(journal.maskedSessionsOn({ ...target, modelDigest: fill(8) })).toBe(0)
    journal.record(opened(second))
    journal.record({ kind: 'update-spent', sessionId: second, updateDigest: fill(6) })
  })
  within((journal) => expect(journal.maskedSessionsOn(target)).toBe(2))
})

describe('a reply is deleted', () => {
  const bytesOnDisk = () => Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))))
  const secret = Buffer.from(fill(0xab)).toString('base64')

  test('when its session is closed, from the file as well', () => {
    within((journal) => {
      journal.record(opened(first))
      journal.record(answered(first))
    })
    expect(bytesOnDisk().includes(secret)).toBe(true)
    within((journal) => {
      journal.record({ kind: 'session-closed', sessionId: first })
      expect(journal.replyOf(first)).toBe(null)
      expect(bytesOnDisk().includes(secret)).toBe(false)
    })
  })

  test('when another session is entered', () => {
    within((journal) => {
      journal.record(opened(first))
      journal.record(answered(first))
      journal.record(opened(second))
    })
    within((journal) => expect(journal.replyOf(first)).toBe(null))
  })

  test('when its deadline has passed', () => {
    const deadlineMs = Date.now() + 60_000
    within((journal) => {
      journal.record(opened(first), { replyUntilMs: deadlineMs })
      journal.record(answered(first))
      journal.expireReplies(deadlineMs - 1)
      expect(journal.replyOf(first)).not.toBe(null)
      journal.expireReplies(deadlineMs)
      expect(journal.replyOf(first)).toBe(null)
      expect(bytesOnDisk().includes(secret)).toBe(false)
      expect(() => journal.record(answered(first))).toThrow()
    })
  })

  test('at the start, when its deadline passed while nothing ran; it is not given before that either', () => {
    within((journal) => {
      journal.record(opened(first), { replyUntilMs: Date.now() - 1 })
      journal.record(answered(first))
      expect(journal.replyOf(first)).toBe(null)
    })
    expect(bytesOnDisk().includes(secret)).toBe(true)
    within(() => expect(bytesOnDisk().includes(secret)).toBe(false))
  })

  test('at the start, when the process was killed with it in the write-ahead log only', () => {
    const copy = join(folder, 'killed')
    within((journal) => {
      journal.record(opened(first))
      journal.record(answered(first))
      // As `record` does, without what follows the commit.
      const other = new DatabaseSync(path)
      other.exec('PRAGMA secure_delete = ON; UPDATE session SET closed = 1, reply = NULL, request_digest = NULL')
      mkdirSync(copy)
      for (const name of readdirSync(folder)) if (name !== 'killed') copyFileSync(join(folder, name), join(copy, name))
      other.close()
    })
    const left = () => Buffer.concat(readdirSync(copy).map((name) => readFileSync(join(copy, name))))
    expect(left().includes(secret)).toBe(true)
    const journal = openJournal(join(copy, 'journal.sqlite'))
    expect(left().includes(secret)).toBe(false)
    journal.close()
  })
})

describe('refuses what the core never does', () => {
  test.each([
    ['a session known before', opened(first)],
    ['a second roster', { kind: 'roster-accepted', sessionId: first, rosterDigest: fill(99) }],
    ['a second U2', { kind: 'shared-set-accepted', sessionId: first, shared: fill(99, 1) }],
    ['a second U3', { kind: 'survivors-attested', sessionId: first, survivors: fill(99, 1) }],
    ['an update spent before', { kind: 'update-spent', sessionId: first, updateDigest: fill(5) }],
    ['a second update', { kind: 'update-spent', sessionId: first, updateDigest: fill(6) }],
    ['a second answer', answered(first)],
    ['a fact of a session never opened', { kind: 'roster-accepted', sessionId: second, rosterDigest: fill(3) }],
  ] as const)('%s', (_what, fact) => {
    within((journal) => {
      journal.record(opened(first))
      journal.record({ kind: 'roster-accepted', sessionId: first, rosterDigest: fill(3) })
      journal.record({ kind: 'shared-set-accepted', sessionId: first, shared: fill(4, 1) })
      journal.record({ kind: 'update-spent', sessionId: first, updateDigest: fill(5) })
      journal.record({ kind: 'survivors-attested', sessionId: first, survivors: fill(4, 1) })
      journal.record(answered(first))
      expect(() => journal.record(fact)).toThrow()
      expect(journal.replyOf(first)).toEqual({ requestDigest: fill(7), reply })
    })
  })
})

test('nothing can be recorded in a session that another one abandoned', () => {
  within((journal) => {
    journal.record(opened(first))
    journal.record(opened(second))
    expect(() => journal.record({ kind: 'roster-accepted', sessionId: first, rosterDigest: fill(3) })).toThrow()
    expect(() => journal.record({ kind: 'update-spent', sessionId: first, updateDigest: fill(5) })).toThrow()
    expect(() => journal.record(answered(first))).toThrow()
    expect(journal.isSpent(fill(5))).toBe(false)
  })
})

test('after a restart the same stage-4 request gets the recorded reply, another one a goodbye', () => {
  const certificate = { shared: fill(1, 1), survivors: fill(1, 1), signatures: [{ index: 1, signature: fill(2, 64) }] }
  within((journal) => {
    journal.record(opened(first))
    journal.record({ kind: 'answered', sessionId: first, requestDigest: requestDigest(certificate), reply })
  })
  within((journal) => {
    const ask = (survivors: Uint8Array) =>
      answerAfterRestart(journal, first, { kind: 'reveal-shares', certificate: { ...certificate, survivors } }).effects
    const repeated = ask(fill(1, 1))
    expect(repeated).toEqual([{ kind: 'send', message: { kind: 'reveal-shares', shares: reply } }])
    expect(ask(fill(3, 1))).toMatchObject([{ kind: 'send', message: { kind: 'withdraw', code: 'session_known' } }])
  })
})

test('the file is for its owner only', () => {
  within(() => expect(statSync(path).mode & 0o077).toBe(0))
})

test.each([
  ['is no database', () => writeFileSync(path, 'x'.repeat(8192))],
  ['is of a newer format', () => within(() => {}) ?? raiseFormat()],
  [
    'lies in no folder',
    () => {
      path = join(folder, 'absent', 'journal.sqlite')
    },
  ],
])('says what to do about a journal that %s', (_what, spoil) => {
  spoil()
  expect(() => openJournal(path)).toThrowError(expect.objectContaining({ code: 'journal_unusable' }))
})

test('kill -9 loses no recorded fact', async () => {
  let next = 0
  let recorded = 0
  for (let kill = 0; kill < 3; kill += 1) {
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('./journal-child.ts', import.meta.url)),
      path,
      String(next),
    ])
    const said = await killAfterLines(child, 40)
    const last = said.at(-1) ?? 0
    recorded += said.length
    within((journal) => {
      expect(journal.maskedSessionsOn({ ...target, modelDigest: numbered(2, 0) })).toBeGreaterThanOrEqual(recorded)
      for (const count of said) {
        expect(journal.knowsSession(numbered(1, count))).toBe(true)
        expect(journal.isSpent(numbered(4, count))).toBe(true)
      }
      const isNextOpen = journal.knowsSession(numbered(1, last + 1))
      if (!isNextOpen) expect(journal.replyOf(numbered(1, last))?.requestDigest).toEqual(numbered(5, last))
      next = last + 1
      while (journal.knowsSession(numbered(1, next))) next += 1
    })
  }
})

/** As the child makes them. */
function numbered(kind: number, count: number): Uint8Array {
  const out = fill(kind)
  new DataView(out.buffer).setUint32(0, count)
  return out
}

async function killAfterLines(child: ChildProcess, lines: number): Promise<readonly number[]> {
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (text.split('\n').length > lines) child.kill('SIGKILL')
  })
  await once(child, 'close')
  return text.split('\n').slice(0, -1).map(Number)
}

function raiseFormat(): void {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA user_version = 99')
  database.close()
}

test('a log that somebody was reading is emptied later', () => {
  within((journal) => {
    journal.record(opened(first))
    journal.record(answered(first))
    const reader = new DatabaseSync(path)
    reader.exec('BEGIN; SELECT * FROM session')
    reader.prepare('SELECT * FROM session').all()
    journal.record({ kind: 'session-closed', sessionId: first })
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0)
    reader.exec('COMMIT')
    reader.close()
    journal.expireReplies(0)
    expect(statSync(`${path}-wal`).size).toBe(0)
  })
}, 30_000)
