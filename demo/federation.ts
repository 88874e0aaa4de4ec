/**
 * Runs the federation of the demo: coordinator and agents as processes, the plan submitted by command, the run followed
 * to its end, with the accident on the way.
 */
import { join } from 'node:path'
import { readEvent } from '../bin/commands/run-watch.ts'
import { withOperator } from '../bin/operator-client.ts'
import { operatorConnection } from '../bin/operator-options.ts'
import type { FinishedRound } from '../bin/run-progress.ts'
import { RunView } from '../bin/run-view.ts'
import {
  type DemoFolders,
  writeCoordinatorConfig,
  writeOperatorConfig,
  writeParticipantConfig,
} from './federation-folders.ts'
import { type Accident, accident, killRound } from './kill-and-return.ts'
import { RUN_NAME } from './plan.ts'
import { appearing, type DemoProcess, type DemoProcesses } from './processes.ts'

const START_TIMEOUT_MS = 60_000
const HOLD_TIMEOUT_MS = 600_000

export interface FederationRun {
  readonly rounds: readonly FinishedRound[]
  readonly killedInRound: number | null
}

/** Starts everything, submits, follows. Throws when a process ends unasked, or the run ends otherwise than completed. */
export async function runFederation(demo: {
  readonly processes: DemoProcesses
  readonly folders: DemoFolders
  readonly sites: readonly string[]
  readonly rounds: number
  readonly kill: string | null
  readonly tell: (line: string) => void
}): Promise<FederationRun> {
  const { processes, folders, sites, tell } = demo
  const address = await startCoordinator(processes, folders)
  const killedInRound = demo.kill === null ? null : killRound(demo.rounds)
  const start = (name: string, drill: readonly string[]): DemoProcess => {
    const config = writeParticipantConfig(folders, name, address)
    return processes.start(name, folders.site(name), ['participant', '--config', config, ...drill])
  }
  const agents = new Map(
    sites.map((name) => [
      name,
      start(name, name === demo.kill ? ['--drill', `hold-before-upload@${killedInRound}`] : []),
    ]),
  )
  tell(`started the coordinator and ${sites.length} agents: ${sites.join(', ')}`)

  const submitted = await processes.run(folders.operator, ['run', 'submit', 'plan.yaml', '--operator', 'operator.yaml'])
  if (submitted.code !== 0) throw new Error(`run submit failed: ${submitted.stderr.trim()}`)
  tell(`${submitted.stdout.split('\n')[0]}\n`)

  const view = new RunView(process.stdout)
  const victim = demo.kill === null ? undefined : agents.get(demo.kill)
  const mishap =
    victim === undefined || killedInRound === null
      ? null
      : accident({
          victim,
          round: killedInRound,
          holdTimeoutMs: HOLD_TIMEOUT_MS,
          restart: () => void start(victim.name, []),
          tell: (line) => view.note(line),
        })
  await follow(folders, view, mishap)
  if (mishap !== null) await mishap.settled()
  return { rounds: view.progress.finished, killedInRound }
}

/** Starts the coordinator, tells the operator where it is, and gives the address for the agents. */
async function startCoordinator(processes: DemoProcesses, folders: DemoFolders): Promise<string> {
  const config = writeCoordinatorConfig(folders)
  processes.start('coordinator', folders.coordinator, ['coordinator', '--config', config])
  const listening = await appearing<{ participants: string; operators: string }>(
    join(folders.coordinator, 'data', 'listening.json'),
    START_TIMEOUT_MS,
  )
  writeOperatorConfig(folders, listening.operators)
  return listening.participants
}

async function follow(folders: DemoFolders, view: RunView, mishap: Accident | null): Promise<void> {
  const file = join(folders.operator, 'operator.yaml')
  const none = { coordinator: undefined, 'server-id': undefined, identity: undefined }
  await withOperator(operatorConnection({ operator: file, ...none }), async (operator) => {
    for await (const stored of operator.watch(RUN_NAME, 0)) {
      const event = readEvent(stored)
      view.show(event)
      mishap?.see(event)
      if (view.progress.ending !== null || view.progress.pausedBecause !== null) break
    }
  })
  view.finish()
  const { ending, pausedBecause } = view.progress
  if (ending?.kind === 'completed') return
  throw new Error(`the run did not complete: ${pausedBecause ?? ending?.kind ?? 'the coordinator ended the stream'}`)
}
