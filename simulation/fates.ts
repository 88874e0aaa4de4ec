/**
 * Who falls silent at which stage, and who misbehaves how: drawn anew for every round from the plan's seed. The two do not
 * overlap, so that what was caught is told apart from what never came.
 */
import { partOf, type SimulationPlan } from './plan.ts'
import { drawnOrder, seededNumbers } from './seeded.ts'

/** Every way to misbehave, with the stage at which it shows. */
export const MISBEHAVIOURS = {
  'bad-share': 4,
  'garbage-ciphertexts': 1,
  'false-receipt': 2,
  'wrong-digest': 2,
  'conflicting-deal': 1,
  'false-attestation': 3,
  'wrong-length': 2,
  'false-deal': 1,
  'conflicting-attestation': 3,
  'false-advertisement': 0,
} as const

export type Misbehaviour = keyof typeof MISBEHAVIOURS

/** `silentFrom`: the first stage that gets no answer. */
export type Fate =
  | { readonly kind: 'honest' }
  | { readonly kind: 'dropout'; readonly silentFrom: number }
  | { readonly kind: 'corrupt'; readonly misbehaviour: Misbehaviour }

const STAGES = 5

/** The fate of every place. Dropouts are spread evenly over the stages unless the plan names one, misbehaviours over their kinds. */
export function drawFates(plan: SimulationPlan, round: number): readonly Fate[] {
  const order = drawnOrder(plan.participants, seededNumbers(plan.seed, 'fates', round))
  const fates: Fate[] = Array.from({ length: plan.participants }, () => ({ kind: 'honest' }))
  const [dropouts, corrupt] = [partOf(plan, 'dropout'), partOf(plan, 'corrupt')]
  // Fewer dropouts than stages fall on the later, dearer ones first.
  for (const [turn, place] of order.slice(0, dropouts).entries()) {
    fates[place] = { kind: 'dropout', silentFrom: plan.dropAt ?? (turn + 2) % STAGES }
  }
  const kinds = Object.keys(MISBEHAVIOURS) as Misbehaviour[]
  for (const [turn, place] of order.slice(dropouts, dropouts + corrupt).entries()) {
    fates[place] = { kind: 'corrupt', misbehaviour: kinds[turn % kinds.length] ?? 'bad-share' }
  }
  return fates
}
