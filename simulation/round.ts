/** One round: one session from stage 0 to the sum, with the round's faults, and the sum compared with the plaintext. */
import { randomBytes } from 'node:crypto'
import { isLive } from '../coordinator/protocol/session.ts'
import type { CoordinatorSession } from '../coordinator/protocol/session-state.ts'
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'
import type { Lanes } from '../shared/vector/encoding.ts'
import { type Caught, whatWasCaught } from './caught.ts'
import { SimulatedCoordinator } from './coordinator.ts'
import type { Crew } from './crew.ts'
import { drawFates, type Fate } from './fates.ts'
import { Ledger, STEPS } from './measure.ts'
import { encodingOf, type SimulationPlan } from './plan.ts'

export interface RoundInput {
  readonly plan: SimulationPlan
  readonly round: number
  readonly bundle: TrustBundle
  readonly crews: readonly Crew[]
  readonly onProgress: (progress: Progress) => void
}

export interface Progress {
  readonly round: number
  readonly step: string
  readonly done: number
  readonly of: number
}

/** Somebody who was to be honest and left the session, or was refused: none in a good run. */
export interface Surprise {
  readonly place: number
  readonly code: string
  readonly message: string
}

export interface RoundResult {
  readonly round: number
  readonly session: CoordinatorSession
  /** Whether the sum is the survivors' plaintext sum in every lane; false when there is no sum. */
  readonly exact: boolean
  readonly fates: readonly Fate[]
  readonly caught: readonly Caught[]
  readonly surprises: readonly Surprise[]
  readonly ledger: Ledger
}

/** Instructions that may be on their way to one thread: one is obeyed, the next waits. */
const AHEAD = 2

export async function runRound(input: RoundInput): Promise<RoundResult> {
  const { plan, round, bundle, crews, onProgress } = input
  const sessionId = new Uint8Array(randomBytes(16))
  const fates = drawFates(plan, round)
  const ledger = new Ledger(plan.participants)
  const coordinator = new SimulatedCoordinator({ plan, round, sessionId, bundle, ledger })
  const surprises: Surprise[] = []
  const rejected = new Map<number, string>()
  const gone = new Set<number>()
  const reject = (place: number, code: string, message: string) => {
    if (fates[place]?.kind === 'corrupt') rejected.set(place, rejected.get(place) ?? code)
    else surprises.push({ place, code, message })
  }
  for (const crew of crews) {
    crew.tell({ kind: 'round', round, sessionId, fates: crew.places.map((place) => [place, fateAt(fates, place)]) })
    crew.listen({
      onMessage: ({ place, method, bytes }) => {
        const outcome = coordinator.receive(place, method, bytes)
        if (method === 'withdraw') gone.add(place)
        if (outcome.kind === 'rejected') reject(place, outcome.code, outcome.message)
      },
      onUpload: ({ place, parts }) => {
        const outcome = coordinator.receiveUpload(place, parts)
        if (outcome.kind === 'rejected') reject(place, outcome.code, outcome.message)
        return outcome.kind === 'accepted'
      },
    })
  }
  const walkStep = async () => {
    const { step } = coordinator
    let done = 0
    const visit = async (crew: Crew, places: Iterator<number>) => {
      for (let next = places.next(); next.done !== true; next = places.next()) {
        const place = next.value
        const fate = fateAt(fates, place)
        done += 1
        if (gone.has(place) || (fate.kind === 'dropout' && step >= fate.silentFrom)) continue
        const instruction = coordinator.instruct(place)
        if (instruction === null) continue
        if (instruction.isOver) gone.add(place)
        const { cpuMs, refusal } = await crew.instruct(place, instruction.bytes)
        ledger.add('participantMs', step, place, cpuMs)
        if (refusal !== null && !instruction.isOver) surprises.push({ place, ...refusal })
        onProgress({ round, step: STEPS[step] ?? '', done, of: plan.participants })
      }
    }
    await Promise.all(
      crews.flatMap((crew) => {
        const places = crew.places.values()
        return Array.from({ length: AHEAD }, () => visit(crew, places))
      }),
    )
  }
  while (isLive(coordinator.session)) {
    await walkStep()
    if (isLive(coordinator.session)) coordinator.close()
  }
  const { session } = coordinator
  let exact = false
  if (session.stage === 'completed') {
    onProgress({ round, step: 'unmask', done: 0, of: plan.participants })
    const sum = await coordinator.unmask()
    const survivors = placesOf(session)
    const plain = await Promise.all(
      crews.map((crew) => crew.addUp(crew.places.filter((place) => survivors.has(place)))),
    )
    exact = isSumOf(sum, plain, encodingOf(plan).modulusBits)
  }
  await walkStep()
  const caught = whatWasCaught(fates, { session, rejected })
  return { round, session, exact, fates, caught, surprises, ledger }
}

/** Whether the sum equals the sum of the parts in the low bits of every lane. */
export function isSumOf(sum: Lanes, parts: readonly Lanes[], modulusBits: number): boolean {
  const mask = 2 ** modulusBits - 1
  for (let lane = 0; lane < sum.length; lane += 1) {
    let plain = 0
    for (const part of parts) plain = (plain + (part[lane] ?? 0)) >>> 0
    if ((((sum[lane] ?? 0) ^ plain) & mask) !== 0) return false
  }
  return true
}

function placesOf({ roster, survivors }: Extract<CoordinatorSession, { stage: 'completed' }>): ReadonlySet<number> {
  return new Set(survivors.map((index) => placeOfId(roster.entries[index - 1]?.spiffeId ?? '')))
}

/** The place of an id as plan.ts makes them. */
export function placeOfId(spiffeId: string): number {
  return Number(spiffeId.slice(spiffeId.lastIndexOf('/') + 1)) - 1
}

function fateAt(fates: readonly Fate[], place: number): Fate {
  return fates[place] ?? { kind: 'honest' }
}
