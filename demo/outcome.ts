/** What the demo promises, checked: each promise that was broken in one line. And the JSON object for scripts. Pure. */
import type { FinishedRound } from '../bin/run-progress.ts'
import { percent } from '../bin/text-table.ts'
import type { DemoOptions } from './options.ts'

/** Everything the demo measured. */
export interface Measured {
  readonly options: DemoOptions
  readonly rounds: readonly FinishedRound[]
  readonly plannedRounds: number
  /** The round in which a site was killed, or null. */
  readonly killedInRound: number | null
  readonly finalAccuracy: number
  readonly centralAccuracy: number
  readonly verify: boolean
  readonly tamperedVerify: boolean
  readonly tamperedLink: string
  readonly seconds: number
}

/** The least accuracy on the 2,000 held-out images, and the most that central training may be ahead. */
const LEAST_ACCURACY = 0.95
const MOST_BEHIND_CENTRAL = 0.015
/** The most an upload may be of the same update as float32. */
const MOST_OF_FLOAT32 = 0.7

/** Every promise that did not hold; empty when all is well. */
export function brokenPromises(measured: Measured): string[] {
  const { options, rounds, plannedRounds, finalAccuracy, centralAccuracy } = measured
  const broken: string[] = []
  if (rounds.length !== plannedRounds) broken.push(`${rounds.length} of ${plannedRounds} rounds were finished`)
  if (options.rounds === null && finalAccuracy < LEAST_ACCURACY) {
    broken.push(`the federated model reached ${percent(finalAccuracy)}, less than ${percent(LEAST_ACCURACY)}`)
  }
  if (options.rounds === null && centralAccuracy - finalAccuracy > MOST_BEHIND_CENTRAL) {
    broken.push(`the federated model is ${percent(centralAccuracy - finalAccuracy)} behind central training`)
  }
  for (const { version, bytesUpPerSite, float32Bytes } of rounds) {
    if (bytesUpPerSite > MOST_OF_FLOAT32 * float32Bytes) {
      broken.push(`round ${version}: ${bytesUpPerSite} bytes up per site, more than 70 % of float32`)
    }
  }
  broken.push(...brokenByKill(measured))
  if (!measured.verify) broken.push('the exported model does not verify')
  if (measured.tamperedVerify) broken.push('a model with one byte changed verifies')
  if (!measured.tamperedVerify && measured.tamperedLink === '') broken.push('the broken link was not named')
  return broken
}

/** The killed site is missing from its round and back some rounds later; without a kill everybody is always there. */
function brokenByKill({ options, rounds, killedInRound }: Measured): string[] {
  const all = options.sites.length
  if (killedInRound === null) {
    const thin = rounds.filter(({ survivors }) => survivors !== all)
    return thin.map(
      ({ version, survivors }) => `round ${version} counted ${survivors} of ${all} sites, nobody was killed`,
    )
  }
  const broken: string[] = []
  const round = rounds.find(({ version }) => version === killedInRound)
  if (round?.survivors !== all - 1 || round.roster !== all) {
    broken.push(
      `round ${killedInRound} counted ${round?.survivors} of ${round?.roster} sites, not ${all - 1} of ${all}`,
    )
  }
  const isLongEnough = rounds.length >= killedInRound + 4
  if (isLongEnough && rounds.at(-1)?.survivors !== all) broken.push(`${options.kill} did not come back`)
  return broken
}

/** The last line of `--json`. */
export function outcomeAsJson(measured: Measured): string {
  const { options, rounds } = measured
  return JSON.stringify({
    ok: brokenPromises(measured).length === 0,
    rounds: rounds.length,
    sites: options.sites.length,
    finalAccuracy: measured.finalAccuracy,
    centralAccuracy: measured.centralAccuracy,
    survivorsPerRound: rounds.map(({ survivors }) => survivors),
    bytesUpPerSite: Math.max(0, ...rounds.map(({ bytesUpPerSite }) => bytesUpPerSite)),
    float32BytesPerSite: rounds[0]?.float32Bytes ?? 0,
    seconds: Math.round(measured.seconds * 10) / 10,
    verify: measured.verify,
    tamperedVerify: measured.tamperedVerify,
  })
}
