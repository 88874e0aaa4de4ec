/** The demo's command line: how many sites and rounds, who is killed, which seed. Wrong usage explains itself. */
import { command, JSON_OPTION, UsageError, wholeNumber } from '../bin/command-line.ts'
import { SITE_NAMES } from './sites.ts'

export interface DemoOptions {
  readonly sites: readonly string[]
  /** Null: the default number, and accuracy is required. */
  readonly rounds: number | null
  /** The site to be killed, or null for nobody. */
  readonly kill: string | null
  readonly seed: number
  readonly keep: boolean
  readonly json: boolean
}

const DEFAULT_VICTIM = 'south'

/** Makes the demo a command like the others: same help, same errors, same exit codes. */
export function demoCommand(run: (options: DemoOptions) => Promise<number>) {
  return command(
    {
      name: 'demo',
      usage: '',
      about:
        'Trains a model on real handwritten digits, spread unevenly over sites that are processes of their own, with\n' +
        'secure aggregation over mutually authenticated gRPC; kills one site in the middle of a round; verifies the model.\n' +
        'From a checkout: npm run demo -- [options]',
      options: {
        rounds: { type: 'string', value: 'N', about: '1 to 200; given, accuracy is printed and not required' },
        sites: { type: 'string', value: 'N', about: `3 to ${SITE_NAMES.length}; default 5` },
        kill: {
          type: 'string',
          value: 'SITE',
          about: `whom to kill in the middle, or none; default ${DEFAULT_VICTIM}`,
        },
        seed: { type: 'string', value: 'S', about: 'of split, data and initial weights; default 1' },
        keep: { type: 'boolean', about: 'keep the folder with configs, logs, data and model' },
        json: { ...JSON_OPTION.json, about: 'end with one JSON object on the last line' },
      },
      words: [],
      example: 'npm run demo -- --sites 8 --rounds 3 --kill west --keep',
    },
    ({ values }) => run(readOptions(values)),
  )
}

/** Throws UsageError. */
export function readOptions(values: {
  readonly rounds: string | undefined
  readonly sites: string | undefined
  readonly kill: string | undefined
  readonly seed: string | undefined
  readonly keep: boolean
  readonly json: boolean
}): DemoOptions {
  const count = wholeNumber(values.sites ?? '5', 'sites', { min: 3, max: SITE_NAMES.length })
  const sites = SITE_NAMES.slice(0, count)
  const rounds = values.rounds === undefined ? null : wholeNumber(values.rounds, 'rounds', { min: 1, max: 200 })
  const seed = wholeNumber(values.seed ?? '1', 'seed', { min: 0, max: 0xffff_ffff })
  const victim = values.kill ?? DEFAULT_VICTIM
  if (victim !== 'none' && !sites.includes(victim)) {
    throw new UsageError(`--kill must be none or one of ${sites.join(', ')}, not "${victim}"`)
  }
  if (count === 3 && victim !== 'none') {
    const why =
      'a sum of fewer than three sites would say too much about each, so a session of three ends with its first dropout'
    throw new UsageError(`--sites 3 bears no dropout: ${why}; add --kill none, or take four sites or more`)
  }
  return { sites, rounds, kill: victim === 'none' ? null : victim, seed, keep: values.keep, json: values.json }
}
