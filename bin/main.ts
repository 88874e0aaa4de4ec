/**
 * The command `blindsum`: finds the command by its first words and loads that one only, so that `verify` never loads the
 * network or the training stack. Exit codes: 0 done, 1 refused, 2 wrong usage.
 */
import { readFileSync } from 'node:fs'
import { type Command, reportError, UsageError } from './command-line.ts'
import { COMMANDS, type CommandEntry } from './command-table.ts'
import { packageFile } from './package-file.ts'

/** Runs one command line (the words behind `blindsum`) and gives its exit code. */
export async function main(args: string[]): Promise<number> {
  const [first = '', second = ''] = args
  if (first === '--version' || first === '-V') {
    process.stdout.write(`${JSON.parse(readFileSync(packageFile('package.json'), 'utf8')).version}\n`)
    return 0
  }
  if (first === 'help' && second !== '') return await main([...args.slice(1), '--help'])
  if (args.length === 0 || first === '--help' || first === '-h' || first === 'help') {
    const stream = args.length === 0 ? process.stderr : process.stdout
    stream.write(overview(COMMANDS))
    return args.length === 0 ? 2 : 0
  }
  const entry =
    COMMANDS.find(({ name }) => name === `${first} ${second}`) ?? COMMANDS.find(({ name }) => name === first)
  if (entry === undefined) return groupPage(first, second)
  const words = entry.name.split(' ').length
  try {
    const run: Command = await entry.load()
    return await run(args.slice(words))
  } catch (error) {
    return reportError(entry.name, error)
  }
}

/** `blindsum run` and `blindsum run --help`: the commands of that group. */
function groupPage(first: string, second: string): number {
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `))
  if (group.length === 0 && first.startsWith('-')) {
    return reportError('', new UsageError(`there is no option ${first}; there are --help, --version`))
  }
  if (group.length === 0) return reportError('', new UsageError(`there is no command "${first}"`))
  if (second === '--help' || second === '-h') {
    process.stdout.write(overview(group, first))
    return 0
  }
  const known = group.map(({ name }) => name.split(' ')[1]).join(', ')
  const found = second === '' ? 'nothing' : `"${second}"`
  return reportError(first, new UsageError(`expected one of ${known}; got ${found}`))
}

function overview(commands: readonly CommandEntry[], group = ''): string {
  const word = ({ name }: CommandEntry) => (group === '' ? name : name.slice(group.length + 1))
  const width = Math.max(...commands.map((entry) => word(entry).length))
  const rows = commands.map((entry) => `  ${word(entry).padEnd(width)}  ${entry.summary}`)
  const call = group === '' ? 'blindsum' : `blindsum ${group}`
  const head = `Usage: ${call} COMMAND [options]\n\nFederated learning whose coordinator only ever sees the sum.\n`
  return `${head}\n${rows.join('\n')}\n\n${call} COMMAND --help shows its options and an example; blindsum --version the version.\n`
}

/**
 * Whoever started us with a channel (the launcher, the demo) wants us gone when it is, even when it was killed: the end
 * of the channel counts as SIGTERM.
 */
function endWithStarter(): void {
  if (process.send === undefined) return
  const end = () => void process.kill(process.pid, 'SIGTERM')
  if (!process.connected) end()
  process.once('disconnect', end)
  // Listening must not keep a finished command alive.
  process.channel?.unref()
}

// A reader that has seen enough (`| head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
endWithStarter()
process.exitCode = await main(process.argv.slice(2))
