/**
 * Lists that once showed a mistake, shrunk, each under the name of what it showed: of a driver, of the journal of these tests,
 * or of a core with one line changed. `reaches` says what the list must still run into, or it would show nothing any more.
 */
import { beforeAll, expect, test } from 'vitest'
import { NOW_MS } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { LEEWAY_MS } from './campaign.ts'
import type { Fate, Operation, SimulatedSetup } from './operations.ts'
import { runList } from './run-list.ts'

interface Regression {
  readonly setup?: Partial<SimulatedSetup>
  readonly operations: readonly Operation[]
  readonly reaches: readonly string[]
}

const close: Operation = { does: 'close' }

/** Each of these sites hears and acts. */
function hear(...sites: number[]): Operation[] {
  return sites.map((site) => ({ does: 'hear', site, fate: 'arrives' }))
}

function troubled(site: number, fate: Fate): Operation {
  return { does: 'hear', site, fate }
}

const everybody = hear(0, 1, 2, 3)
const whole = [...everybody, close]

const REGRESSIONS: Readonly<Record<string, Regression>> = {
  'a masked input that is sent again because nobody answered is added up once': {
    operations: [...whole, ...whole, troubled(0, 'unanswered'), { does: 'retry', site: 0, fate: 'arrives' }],
    reaches: ['repeated', 'completed'],
  },
  'a copy of a masked input that comes when its stage is over is not added up again': {
    operations: [
      ...whole,
      ...whole,
      troubled(0, 'copied'),
      ...hear(1, 2, 3),
      close,
      { does: 'arrive', place: 0, again: true },
    ],
    reaches: ['repeated', 'completed'],
  },
  'a masked input that the network kept past its stage does not count': {
    operations: [
      ...whole,
      ...whole,
      troubled(0, 'held'),
      ...hear(1, 2, 3),
      close,
      { does: 'arrive', place: 0, again: false },
    ],
    reaches: ['rejected late', 'completed without dropouts’ inputs'],
  },
  'an upload that was cut off goes on where it stopped, with the same bytes': {
    operations: [...whole, ...whole, troubled(0, 'cut'), { does: 'retry', site: 0, fate: 'arrives' }],
    reaches: ['fate cut', 'completed'],
  },
  'a site that crashes between its U2 and its spent update is a dropout, and its masks come off': {
    operations: [...whole, ...whole, { does: 'crash', site: 2, after: 1 }],
    reaches: ['completed without dropouts’ inputs'],
  },
  'a site that crashes before its bytes leave does not mask that update in the next session': {
    operations: [
      ...whole,
      ...whole,
      { does: 'crash', site: 2, after: 3 },
      { does: 'open', fresh: [0, 1, 3], isSameModel: true },
    ],
    reaches: ['refused update_spent', 'completed'],
  },
  'a site that restarts after its reply was recorded repeats it, and no other': {
    operations: [...whole, ...whole, ...whole, ...whole, { does: 'crash', site: 2, after: 2 }],
    reaches: ['repeated', 'completed'],
  },
  'a site that restarts in stage 0 is not waited for in stage 1': {
    operations: [{ does: 'crash', site: 3, after: 2 }, ...hear(0, 1, 2), close],
    reaches: ['completed'],
  },
  'a site that left in stage 1 with its deal given is not waited for in stage 4': {
    operations: [...whole, { does: 'crash', site: 0, after: 4 }],
    reaches: ['completed without dropouts’ inputs'],
  },
  'a site that had heard the end of a session may enter it when the coordinator has forgotten that end': {
    operations: [...hear(0, 1, 2), close, ...hear(3), { does: 'rewind-coordinator', back: 1 }],
    reaches: ['rewind-coordinator', 'completed'],
  },
  'a coordinator that has forgotten masked inputs gets the same again, and adds each up once': {
    operations: [...whole, ...whole, ...everybody, { does: 'rewind-coordinator', back: 2 }],
    reaches: ['rewind-coordinator', 'repeated', 'completed'],
  },
  'a coordinator that has forgotten its U3 gets no second signature over another': {
    operations: [...whole, ...whole, ...everybody, close, ...hear(0), { does: 'rewind-coordinator', back: 3 }, close],
    reaches: ['refused another_survivor_set'],
  },
}

let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(4, NOW_MS - LEEWAY_MS)
})

for (const [name, { setup, operations, reaches }] of Object.entries(REGRESSIONS)) {
  test(name, async () => {
    const plain: SimulatedSetup = {
      size: 4,
      gammaPpm: 0,
      minimumCohort: 3,
      targetCohort: 4,
      modulusBits: 16,
      run: 1,
      ending: 'calm',
    }
    const { finding, tally } = await runList({ setup: { ...plain, ...setup }, operations }, identities)
    expect(finding).toBeNull()
    expect(reaches.filter((what) => !tally.has(what))).toEqual([])
  })
}
