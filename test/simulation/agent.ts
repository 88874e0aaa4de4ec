/**
 * An agent as participant/agent.ts and participant/session-runner.ts live it, one thing after the other: an effect is
 * carried out when the one before it is, a message is under way until it is answered, of instructions only the newest
 * counts. Memory is lost with a restart, the journal stays.
 */
import {
  advertiseKeys,
  answerAfterRestart,
  leave,
  maskedInputReady,
  obey,
  uploadAcknowledged,
} from '../../participant/protocol/session.ts'
import type { ParticipantEffect, Stepped } from '../../participant/protocol/session-state.ts'
import { wipe } from '../../shared/crypto/secrets.ts'
import { cpuMaskEngine } from '../../shared/masks/cpu-engine.ts'
import type { Instruction, ParticipantMessage } from '../../shared/protocol/messages.ts'
import { packLanes } from '../../shared/vector/packing.ts'
import { uploadDigest } from '../../shared/vector/upload-digest.ts'
import { instructionOverTheWire, messageOverTheWire } from '../protocol/over-the-wire.ts'
import { promised } from './finding.ts'
import type { Fate } from './operations.ts'
import { type Answer, carry } from './post.ts'
import { noticeMasking, noticeRefusal } from './said.ts'
import {
  count,
  environmentOf,
  inputOf,
  type Life,
  type SimulatedSite,
  sessionIdOf,
  setupOf,
  type World,
} from './world.ts'

/** How a site may go on: the fate of its next message, and after how many effects it stops. */
export interface Going {
  readonly fate: Fate
  readonly effects: number
}

export const UNDISTURBED: Going = { fate: 'arrives', effects: Number.POSITIVE_INFINITY }
/** In one list of so many every instruction goes over the wire too. */
const WIRED_IN = 4

interface Heard {
  readonly session: number
  readonly instruction: Instruction
}

/** An instruction reaches the site. */
export async function hear(world: World, site: SimulatedSite, heard: Heard, going: Going): Promise<void> {
  const { session } = heard
  const instruction = world.setup.run % WIRED_IN === 0 ? instructionOverTheWire(heard.instruction) : heard.instruction
  const { life } = site
  if (life !== null && life.session === session) {
    if (instruction.kind === 'session-over') return end(world, site, life, instruction)
    life.waiting = instruction
    return goOn(world, site, going)
  }
  // The agent looks before it asks the core; in every other list it leaves that to the core.
  const isKnown = world.setup.run % 2 === 0 && site.journal.knowsSession(sessionIdOf(session))
  if (instruction.kind === 'advertise-keys' && !isKnown) {
    if (session !== world.session.number) return
    const reason = 'the coordinator has moved on'
    if (life !== null) await end(world, site, life, { kind: 'session-over', completed: false, reason })
    return enter(world, site, going)
  }
  if (world.flaw !== 'stays-silent') answerOld(world, site, { session, instruction }, going)
}

/** Goes on with what is under way, then with the newest instruction, until nothing is left or nobody answers. */
export async function goOn(world: World, site: SimulatedSite, going: Going): Promise<void> {
  let { fate } = going
  for (let done = 0; done < going.effects; ) {
    const { life } = site
    if (life === null) return
    const [effect, ...rest] = life.underWay
    if (effect === undefined) {
      if (life.core.stage === 'ended') site.life = null
      if (life.core.stage === 'ended' || life.waiting === null) return
      const instruction = life.waiting
      life.waiting = null
      follow(world, life, obey(life.core, instruction, environmentOf(world, site)))
      continue
    }
    const answer = await perform(world, { site, life, effect, fate })
    done += 1
    if (effect.kind === 'send' || effect.kind === 'upload') fate = 'arrives'
    if (answer === 'nothing') return
    if (answer === 'refused') life.underWay = []
    else if (effect.kind === 'mask') life.underWay = [...life.underWay, ...rest]
    else life.underWay = rest
  }
}

/** The agent leaves its session, if it is in one. */
export async function leaveSession(world: World, site: SimulatedSite): Promise<void> {
  const { life } = site
  if (life === null) return
  if (world.flaw === 'stays-silent') {
    site.life = null
    return
  }
  life.waiting = null
  follow(world, life, leave(life.core, 'the operator stopped the agent'))
  await goOn(world, site, UNDISTURBED)
}

/** The agent's process ends and begins again: everything but the journal is gone. */
export function restart(world: World, site: SimulatedSite): void {
  site.life = null
  if (world.flaw === 'forgets-journal') site.journal.facts.splice(0)
  site.journal.reload()
}

async function enter(world: World, site: SimulatedSite, going: Going): Promise<void> {
  const stepped = advertiseKeys(setupOf(world, site), environmentOf(world, site))
  const life: Life = {
    session: world.session.number,
    update: site.update,
    core: stepped.session,
    underWay: [],
    waiting: null,
    packed: null,
  }
  site.life = life
  follow(world, life, stepped)
  await goOn(world, site, going)
}

/** The ending interrupts whatever is under way. */
async function end(world: World, site: SimulatedSite, life: Life, instruction: Instruction): Promise<void> {
  life.waiting = null
  follow(world, life, obey(life.core, instruction, environmentOf(world, site)))
  await goOn(world, site, UNDISTURBED)
}

function follow(world: World, life: Life, { session, effects }: Stepped): void {
  life.core = session
  const isSend = ({ kind }: ParticipantEffect) => kind === 'send'
  life.underWay =
    world.flaw === 'sends-first' ? [...effects.filter(isSend), ...effects.filter((one) => !isSend(one))] : effects
}

async function perform(
  world: World,
  step: { readonly site: SimulatedSite; readonly life: Life; readonly effect: ParticipantEffect; readonly fate: Fate },
): Promise<Answer> {
  const { site, life, effect, fate } = step
  switch (effect.kind) {
    case 'record':
      site.journal.record(effect.fact)
      return 'taken'
    case 'send':
      return send(world, site, { session: life.session, message: effect.message, fate })
    case 'mask': {
      noticeMasking(world, site.place, life)
      const lanes = inputOf(world, site.place, life.update)
      await cpuMaskEngine().accumulate(lanes, effect.masks)
      wipe(...effect.masks.map(({ key }) => key))
      life.packed = packLanes(lanes, world.setup.modulusBits)
      const ready = maskedInputReady(life.core, uploadDigest(life.packed))
      life.core = ready.session
      life.underWay = ready.effects
      return 'taken'
    }
    case 'upload': {
      const { digest, signature } = effect.contribution
      promised('one_masked_input', life.packed !== null, () => `site ${site.place} uploads before it has masked`)
      const bytes = life.packed?.slice() ?? new Uint8Array(0)
      if (world.flaw === 'masks-again' && world.said.uploads.has(`${life.session} ${site.place}`)) bytes[0]! ^= 1
      const message = { kind: 'contribution', digest, signature } as const
      const answer = carry(world, { session: life.session, site: site.place, message, bytes }, fate)
      if (answer === 'taken') life.core = uploadAcknowledged(life.core)
      return answer
    }
    case 'over':
      if (effect.code !== null) {
        count(world, `refused ${effect.code}`)
        noticeRefusal(world, site, effect.code)
      }
      return 'taken'
  }
}

/** A goodbye is said once, whoever hears it; everything else until it is answered. */
function send(
  world: World,
  site: SimulatedSite,
  said: { readonly session: number; readonly message: ParticipantMessage; readonly fate: Fate },
): Answer {
  const { session, message, fate } = said
  const letter = { session, site: site.place, message: messageOverTheWire(message), bytes: null }
  const answer = carry(world, letter, fate)
  return message.kind === 'withdraw' ? 'taken' : answer
}

/** A session whose secrets are gone: a recorded reply, or a goodbye. */
function answerOld(world: World, site: SimulatedSite, { session, instruction }: Heard, going: Going): void {
  const { effects } = answerAfterRestart(site.journal, sessionIdOf(session), instruction)
  for (const effect of effects) {
    if (effect.kind === 'record') site.journal.record(effect.fact)
    if (effect.kind === 'send') send(world, site, { session, message: effect.message, fate: going.fate })
  }
}
