/**
 * `blindsum plan parameters`: neighbours, thresholds and costs that assumptions about colluders and dropouts lead to, before
 * there is a plan or a site. Contacts nobody.
 */
import {
  type AdversaryAssumptions,
  colluders,
  DEFAULT_MAX_NEIGHBOURS,
  MAX_NEIGHBOURS,
} from '../../shared/protocol/threshold.ts'
import { command, JSON_OPTION, required, UsageError, wholeNumber } from '../command-line.ts'
import { parameterGrid, parameterRows, parameterText, rosterSizes } from '../parameter-table.ts'
import { printJson, printLine } from '../print.ts'
import { grouped } from '../text-table.ts'

export const planParametersCommand = command(
  {
    name: 'plan parameters',
    usage: '--enrolled E',
    about:
      'Prints, for the sizes a roster of a plan may have, how many neighbours k each site masks with, how many shares t\n' +
      'rebuild a secret, how many corrupt holders c are reckoned with, how many signatures q certify the survivors, how many\n' +
      'dropouts that bears, and what a session costs. A size without parameters says which bound broke.',
    options: {
      enrolled: { type: 'string', value: 'E', about: 'sites the plan admits, 3 to 10000' },
      gamma: { type: 'string', value: 'F', about: 'part of them that may collude with the coordinator; default 0.2' },
      delta: { type: 'string', value: 'F', about: 'part that may fall silent in a session; default 0.2' },
      adversary: { type: 'string', value: 'WHO', about: 'the coordinator is malicious (default) or semi-honest' },
      graph: { type: 'string', value: 'KIND', about: 'auto (default) or complete' },
      'max-neighbours': { type: 'string', value: 'K', about: `largest k; default ${DEFAULT_MAX_NEIGHBOURS}` },
      'minimum-cohort': { type: 'string', value: 'N', about: 'presumed honest sites in every sum; default 3' },
      lanes: { type: 'string', value: 'D', about: 'length of the vector, for the costs; default 100000' },
      bits: { type: 'string', value: 'M', about: 'sums are modulo 2^M, for the costs; default 24' },
      grid: { type: 'boolean', about: 'print the table of the documentation instead: Markdown, many γ, δ and n' },
      ...JSON_OPTION,
    },
    words: [],
    example: 'blindsum plan parameters --enrolled 1000 --gamma 0.05 --delta 0.1',
  },
  async ({ values }) => {
    const adversary = oneOf(values.adversary ?? 'malicious', 'adversary', ['malicious', 'semi-honest'])
    if (values.grid) {
      process.stdout.write(parameterGrid(adversary))
      return 0
    }
    const enrolled = wholeNumber(required(values.enrolled, 'enrolled'), 'enrolled', { min: 3, max: 10_000 })
    const gammaPpm = rate(values.gamma ?? '0.2', 'gamma')
    const assumptions: AdversaryAssumptions = {
      gammaPpm,
      deltaPpm: rate(values.delta ?? '0.2', 'delta'),
      colluders: colluders(enrolled, gammaPpm),
      adversary,
      graph: oneOf(values.graph ?? 'auto', 'graph', ['auto', 'complete']),
      maxNeighbours: wholeNumber(values['max-neighbours'] ?? String(DEFAULT_MAX_NEIGHBOURS), 'max-neighbours', {
        min: 64,
        max: MAX_NEIGHBOURS,
      }),
    }
    const minimumCohort = wholeNumber(values['minimum-cohort'] ?? '3', 'minimum-cohort', { min: 2, max: 10_000 })
    const vector = {
      lanes: wholeNumber(values.lanes ?? '100000', 'lanes', { min: 1, max: 1_000_000_000 }),
      modulusBits: wholeNumber(values.bits ?? '24', 'bits', { min: 8, max: 32 }),
    }
    const rows = parameterRows(rosterSizes(enrolled, assumptions.deltaPpm), assumptions, { minimumCohort, vector })
    const whole = rows.at(-1)
    if (values.json) printJson({ ok: whole?.found.ok === true, enrolled, assumptions, vector, rows })
    else {
      const { colluders: C } = assumptions
      printLine(
        `${grouped(enrolled)} enrolled, C = ${grouped(C)} may collude, ${adversary} coordinator; ` +
          `${grouped(vector.lanes)} lanes modulo 2^${vector.modulusBits}`,
      )
      process.stdout.write(parameterText(rows))
    }
    return whole?.found.ok === true ? 0 : 1
  },
)

/** A rate in parts per million. Throws UsageError. */
function rate(text: string, option: string): number {
  const value = /^(0|0?\.[0-9]{1,6}|0\.5)$/.test(text) ? Number(text) : Number.NaN
  if (value >= 0 && value <= 0.5) return Math.round(value * 1_000_000)
  throw new UsageError(`--${option} must be a number from 0 to 0.5 with at most six decimals, not "${text}"`)
}

function oneOf<const Choice extends string>(text: string, option: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text)
  if (found !== undefined) return found
  throw new UsageError(`--${option} must be ${choices.join(' or ')}, not "${text}"`)
}
