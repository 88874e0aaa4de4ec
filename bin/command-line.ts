/**
 * What a command is: a description (name, usage, options, example) and the work. The description gives both the parser
 * and the help page, so that the two cannot differ. Wrong usage is a UsageError (exit 2); what a person can mend in files
 * or on the other side is a ConfigError (exit 1), printed one line per problem, and as JSON where `--json` was asked for.
 */
import { parseArgs } from 'node:util'
import { ConfigError } from '../shared/errors.ts'

/** Runs with the words behind the command's name; gives the exit code. */
export type Command = (args: string[]) => Promise<number>

export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  /** What stands for the value in the help page, such as FILE. */
  readonly value?: string
  readonly about: string
}

type OptionSpecs = Readonly<Record<string, OptionSpec>>

export interface CommandSpec<Options extends OptionSpecs> {
  /** As typed behind `blindsum`, such as `run submit`. */
  readonly name: string
  /** Positional words and required options, such as `PLAN.yaml`. */
  readonly usage: string
  readonly about: string
  readonly options: Options
  /** Names of the positional words, each required. */
  readonly words: readonly string[]
  readonly example: string
}

export interface CommandLine<Options extends OptionSpecs> {
  readonly values: { readonly [Name in keyof Options]: Options[Name]['type'] extends 'boolean' ? boolean : Value }
  readonly words: readonly string[]
}

type Value = string | undefined

/** The command line is wrong; the message says what was expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The option by which a script asks for one JSON object on stdout. */
export const JSON_OPTION = { json: { type: 'boolean', about: 'print one JSON object' } } as const

/** Makes the command that a description and its work stand for. */
export function command<const Options extends OptionSpecs>(
  spec: CommandSpec<Options>,
  work: (line: CommandLine<Options>) => Promise<number>,
): Command {
  return async (args) => {
    let asksJson = false
    try {
      const line = readCommandLine(spec, args)
      if (line === 'help') {
        process.stdout.write(helpPage(spec))
        return 0
      }
      asksJson = Boolean((line.values as Readonly<Record<string, unknown>>).json)
      return await work(line)
    } catch (error) {
      return reportError(spec.name, error, asksJson)
    }
  }
}

/** Parses `args`; 'help' when asked for. Throws UsageError. */
export function readCommandLine<Options extends OptionSpecs>(
  spec: CommandSpec<Options>,
  args: readonly string[],
): CommandLine<Options> | 'help' {
  const known = Object.fromEntries(Object.entries(spec.options).map(([name, { type }]) => [name, { type }]))
  let parsed: { values: Record<string, unknown>; positionals: string[] }
  try {
    const options = { ...known, help: { type: 'boolean', short: 'h' } as const }
    parsed = parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (cause) {
    throw new UsageError(usageWords(cause as NodeJS.ErrnoException, Object.keys(known)), { cause })
  }
  if (parsed.values.help) return 'help'
  if (parsed.positionals.length !== spec.words.length) {
    const expected = spec.words.length === 0 ? 'no further words' : spec.words.join(' ')
    const found = parsed.positionals.length === 0 ? 'none' : parsed.positionals.map((word) => `"${word}"`).join(' ')
    throw new UsageError(`expected ${expected}, got ${found}`)
  }
  const values = Object.fromEntries(
    Object.entries(spec.options).map(([name, { type }]) => [
      name,
      type === 'boolean' ? parsed.values[name] === true : parsed.values[name],
    ]),
  )
  // Safety: built from the specification itself: booleans are booleans, the rest string or undefined.
  return { values: values as CommandLine<Options>['values'], words: parsed.positionals }
}

/** Node's complaint in one line of ours. */
function usageWords({ code, message }: NodeJS.ErrnoException, known: readonly string[]): string {
  const first = message.split(/[.\n]( |$)/)[0] ?? message
  const option = /'(-[^' ]+)/.exec(first)?.[1]
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || option === undefined) return first
  const options = [...known, 'help'].map((name) => `--${name}`).join(', ')
  return `there is no option ${option}; there are ${options}`
}

/** The option's value. Throws UsageError naming the option when it is absent. */
export function required(value: string | undefined, option: string): string {
  if (value === undefined) throw new UsageError(`--${option} is required`)
  return value
}

/** A whole number from an option, within bounds. Throws UsageError. */
export function wholeNumber(text: string, option: string, bounds: { readonly min: number; readonly max: number }) {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= bounds.min && value <= bounds.max) return value
  throw new UsageError(`--${option} must be a whole number from ${bounds.min} to ${bounds.max}, not "${text}"`)
}

/** Usage, what the command does, its options and an example. */
export function helpPage(spec: CommandSpec<OptionSpecs>): string {
  const rows = Object.entries({ ...spec.options, help: { type: 'boolean', about: 'print this' } as OptionSpec }).map(
    ([name, option]) => [option.type === 'string' ? `--${name} ${option.value ?? 'VALUE'}` : `--${name}`, option.about],
  )
  const width = Math.max(...rows.map(([flag = '']) => flag.length))
  const options = rows.map(([flag = '', about]) => `  ${flag.padEnd(width)}  ${about}`).join('\n')
  const usage = ['blindsum', spec.name, spec.usage, '[options]'].filter(Boolean).join(' ')
  return `Usage: ${usage}\n\n${spec.about}\n\n${options}\n\nExample:\n  ${spec.example.split('\n').join('\n  ')}\n`
}

/** Prints what went wrong, as briefly as it can be acted on, and gives the exit code. */
export function reportError(name: string, error: unknown, asksJson = false): number {
  const prefix = name === '' ? 'blindsum' : `blindsum ${name}`
  if (error instanceof UsageError) {
    process.stderr.write(`${prefix}: ${error.message}\nTry: ${prefix} --help\n`)
    return 2
  }
  const problems = error instanceof ConfigError ? error.problems : [`unexpected: ${firstLine(error)}`]
  if (asksJson) {
    const code = error instanceof ConfigError ? error.code : 'unexpected'
    process.stdout.write(`${JSON.stringify({ ok: false, error: code, problems })}\n`)
  }
  for (const problem of problems) process.stderr.write(`${prefix}: ${problem}\n`)
  if (process.env.BLINDSUM_DEBUG && error instanceof Error) process.stderr.write(`${traced(error)}\n`)
  else if (!(error instanceof ConfigError)) process.stderr.write('Set BLINDSUM_DEBUG=1 to see where.\n')
  return 1
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}

function traced(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${traced(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}
