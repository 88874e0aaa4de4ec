/**
 * The two-inputs-under-one-mask attack. The coordinator takes a participant's masked input, claims to have nothing, and has it
 * mask another: first an update whose value is known (one that was only evaluated is all zeros), then the trained one. Both
 * wear the same masks, so their difference is the difference of the inputs, without a single share.
 *
 * Off: a participant that does not remember having masked; the state from before hears the same instruction again, with another
 * update. No refusal is switched off: the check is that memory. The second attack is the same over two sessions: the same
 * updates are summed with and without the victim. There the refusal `update_spent` is off.
 */
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { openSession } from '../../coordinator/protocol/session.ts'
import { advertiseKeys, maskedInputReady, obey } from '../../participant/protocol/session.ts'
import { updateDigest } from '../../participant/protocol/update-digest.ts'
import { InvariantError } from '../../shared/errors.ts'
import { contextDigest } from '../../shared/protocol/context.ts'
import { systemRng } from '../../shared/random.ts'
import { type Lanes, zeroLanes } from '../../shared/vector/encoding.ts'
import { unpackLanes } from '../../shared/vector/packing.ts'
import { quantizeUpdate } from '../../shared/vector/quantize.ts'
import {
  environmentOf,
  outcomeOf,
  perform,
  runSession,
  type Site,
  setupOf,
  tell,
  unmask,
} from '../protocol/federation.ts'
import { type AttackRow, lanesRight, recovered, refused, showAttacks } from './attack-table.ts'
import { copyOf, type RecordedSession, recordSession, siteAt, truthFor, type Watched } from './recorded-session.ts'
import { withoutChecks } from './unchecked.ts'
import { expectLeft, type WatchedSite } from './what-left.ts'

vi.mock('../../shared/protocol/refusal.ts', async (original) =>
  (await import('./unchecked.ts')).uncheckable(await original()),
)

const SIZE = 5
const VICTIM = 3
const PARAMETERS = 24
const OPTIONS = { size: SIZE, parameterCount: PARAMETERS, modulusBits: 32 }
const rows: AttackRow[] = []
showAttacks('Two inputs: a victim that is asked to mask again', rows)

describe('in one session', () => {
  let session: RecordedSession
  beforeAll(async () => {
    session = await recordSession(OPTIONS, { last: 'mask-input' })
  })

  /** The victim masks zeros, then its trained update; `memory`: whether it knows the second time that there was a first. */
  async function attack({ memory }: { readonly memory: boolean }) {
    const federation = session.at('mask-input')
    const remembering = evaluateOnly(federation, siteAt(federation, VICTIM))
    const forgetful = siteAt(copyOf(federation), VICTIM)
    const truth = truthFor(federation, remembering, 'mask-input')
    await tell(federation, remembering, truth)
    const first = bytesSent(remembering)
    const again = memory ? remembering : forgetful
    // Lanes wait in the agent: whatever the core asks to be masked the second time, the trained update would be it.
    const trained = { ...again, lanes: lanesFor(federation, farFromZero(again.update), again) }
    await tell(federation, trained, truth)
    const input = trained.lanes.subarray(0, PARAMETERS)
    return { federation, trained, truth, input, first, second: bytesSent(trained) }
  }

  /** y − y′ = x − x′, and the lanes of x′ that are parameters are zeros. */
  function difference(federation: Watched, minuend: Uint8Array, subtrahend: Uint8Array): Lanes {
    return minus(unpacked(federation, minuend), unpacked(federation, subtrahend)).subarray(0, PARAMETERS)
  }

  test('off: every parameter of the update, exactly; on: the same bytes as before', async () => {
    const off = await attack({ memory: false })
    const guess = difference(off.federation, off.second, off.first)
    expect(guess).toEqual(off.input)

    const on = await attack({ memory: true })
    expect(on.second).toEqual(on.first)
    const nothing = difference(on.federation, on.second, on.first)
    expect(lanesRight(nothing, on.input)).toBe(0)
    expectLeft(on.trained, 'masked input')
    rows.push({
      attack: 'zeros, then the trained update',
      check: 'one masked input per session (memory of it)',
      off: recovered(guess, off.input),
      on: `the same bytes again by 1 of 1 participants; ${recovered(nothing, on.input)}`,
    })
  })

  test('asked again, the core asks for no mask; offered another input, it signs nothing', async () => {
    const { federation, trained, truth } = await attack({ memory: true })
    const { session: masked } = trained
    if (masked?.stage !== 'masked') throw new Error('the victim has masked')
    const { effects } = obey(masked, truth, environmentOf(federation, trained))
    expect(effects).toEqual([{ kind: 'upload', contribution: masked.contribution }])
    expect(() => maskedInputReady(masked, new Uint8Array(32))).toThrow(InvariantError)
  })
})

describe('in two sessions', () => {
  let session: RecordedSession
  beforeAll(async () => {
    session = await recordSession(OPTIONS, { last: 'advertise-keys' })
  })

  /** A sum of everybody's update, then another session, with fresh rounding, for the same updates but the victim's. */
  async function attack(codes: readonly 'update_spent'[]) {
    const federation = session.at('advertise-keys')
    const all = await runSession(federation)
    expect(outcomeOf(federation).stage).toBe('completed')
    const victim = siteAt(federation, VICTIM)
    const others = [...federation.sites.values()].filter((site) => site !== victim)
    const context = { ...federation.context, sessionId: systemRng(16) }
    const expected = new Set(others.map(({ spiffeId }) => spiffeId))
    const { enrolled } = federation.coordinator.setup
    const setup = { context, contextDigest: contextDigest(context), enrolled, expected, targetCohort: expected.size }
    const accumulator = zeroLanes(context.lengthLanes, context.modulusBits)
    const second: Watched = { ...federation, context, coordinator: openSession(setup), accumulator, folded: [] }
    for (const site of others)
      Object.assign(site, { session: null, packed: null, lanes: lanesFor(second, site.update, site) })
    const before = others.map(({ sent }) => sent.length)
    const passed = await withoutChecks(codes, async () => {
      for (const site of others) {
        await perform(second, site, advertiseKeys(setupOf(second, site), environmentOf(second, site)))
      }
      await runSession(second)
    })
    const said = others.map(({ sent }, place) => sent.slice(before[place]).map(({ kind }) => kind))
    return { all, without: await unmask(second), victim, others, said, passed }
  }

  test('off: the victim’s input, but for rounding; on: no second sum', async () => {
    const off = await attack(['update_spent'])
    expect(off.passed).toEqual({ update_spent: 2 * off.others.length })
    if (off.all === null || off.without === null) throw new Error('two sums')
    const errors = minus(minus(off.all, off.without), off.victim.lanes)
    const within = Array.from(errors).filter((error) => Math.abs(error | 0) <= SIZE)
    expect(within).toHaveLength(off.victim.lanes.length)

    const on = await attack([])
    expect(on.without).toBeNull()
    for (const site of on.others) expect(site.refusal?.code).toBe('update_spent')
    expect(on.said).toEqual(on.others.map(() => ['withdraw']))
    rows.push({
      attack: 'the same updates without the victim',
      check: 'update_spent',
      off: `recovered ${within.length} of ${off.victim.lanes.length} lanes within ${SIZE} units of rounding`,
      on: `${refused(on.others)}; no second sum`,
    })
  })
})

/** The site as it would be if it had only evaluated: an update of zeros, which the coordinator can guess. */
function evaluateOnly(federation: Watched, site: WatchedSite): WatchedSite {
  if (site.session?.stage !== 'shared') throw new Error('before masking')
  const zeros = new Float32Array(PARAMETERS)
  const setup = { ...site.session.setup, updateDigest: updateDigest(zeros, { examples: site.examples }) }
  return { ...site, lanes: lanesFor(federation, zeros, site), session: { ...site.session, setup } }
}

/** An update none of whose coordinates is near zero, or doing nothing would recover some of it. */
function farFromZero(update: Float32Array): Float32Array {
  return update.map((coordinate) => (coordinate < 0 ? coordinate - 1 : coordinate + 1) / 2)
}

/** Lanes of an update as an agent makes them, rounded afresh; counts and metrics are the site's own. */
function lanesFor({ encoding }: Watched, update: Float32Array, site: Site): Lanes {
  const roundingSeed = systemRng(32)
  const made = quantizeUpdate({ update, weight: site.examples, scalars: { lossSum: 0 }, encoding, roundingSeed })
  if (!made.ok) throw new Error(made.message)
  made.lanes.set(site.lanes.subarray(PARAMETERS), PARAMETERS)
  return made.lanes
}

/** The masked input that left. */
function bytesSent(site: WatchedSite): Uint8Array {
  if (site.packed === null || site.sent.at(-1)?.kind !== 'contribution') throw new Error('a masked input has left')
  return site.packed
}

function unpacked({ context }: Watched, packed: Uint8Array): Lanes {
  const { lengthLanes, modulusBits } = context
  const read = unpackLanes({ packed, lengthLanes, modulusBits })
  if (!read.ok) throw new Error(read.message)
  return read.lanes
}

function minus(minuend: Lanes, subtrahend: Lanes): Lanes {
  const difference = minuend.slice()
  for (let at = 0; at < difference.length; at += 1) difference[at] = (difference[at] ?? 0) - (subtrahend[at] ?? 0)
  return difference
}
