/**
 * The processes of one simulation in the order of their lives: coordinator, proxy, agents a few at a time; a run submitted and
 * watched; everything asked to end. What a person would type goes through the program `blindsum`.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { RunEventBody } from '../../coordinator/registry/run-events.ts'
import { Agent } from './agent.ts'
import { type FederationFolder, layOut, writeAgentConfig, writeOperatorConfig } from './federation-folder.ts'
import { type ProcessPlan, RUN_NAME } from './process-plan.ts'
import type { Processes, RunningProcess } from './processes.ts'
import { ProxyLines } from './proxy-lines.ts'
import { SimulationFailed } from './simulation-failed.ts'

const START_LIMIT_MS = 60_000
const LOOK_MS = 50

export interface FederationTools {
  readonly plan: ProcessPlan
  readonly folder: FederationFolder
  readonly processes: Processes
  /** The program `blindsum`. */
  readonly program: string
  readonly tell: (line: string) => void
}

export interface Federation {
  readonly coordinator: RunningProcess
  readonly proxy: ProxyLines
  readonly agents: readonly Agent[]
}

/** Starts everything; resolves when every agent attends. */
export async function startFederation(tools: FederationTools): Promise<Federation> {
  const { plan, folder, processes, program, tell } = tools
  const config = await layOut(folder, plan)
  const args = [program, 'coordinator', '--config', config]
  const coordinator = processes.start({ name: 'coordinator', folder: folder.coordinator, args })
  const listening = await appearing(join(folder.coordinator, 'data', 'listening.json'))
  writeOperatorConfig(folder, listening.operators)
  const proxy = new ProxyLines(processes, folder.root)
  const [host = '', port = ''] = listening.participants.split(':')
  const ports = await proxy.open(plan.participants, { host, port: Number(port) })
  const agents = ports.map((line, place) => {
    const home = folder.agent(place)
    return new Agent(
      { processes, folder: home, plan },
      { place, config: writeAgentConfig(folder, place, `${host}:${line}`) },
    )
  })
  let attending = 0
  const waiting = [...agents]
  const startInTurn = async () => {
    for (let agent = waiting.shift(); agent !== undefined; agent = waiting.shift()) {
      agent.start()
      await inTime(agent.attending(), `${agent.name} did not attend`)
      attending += 1
      tell(`${attending} of ${agents.length} agents attend`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, startInTurn))
  return { coordinator, proxy, agents }
}

/** Submits the run and passes its events on until it has ended or paused. */
export async function playRun(tools: FederationTools, see: (event: RunEventBody, atMs: number) => void): Promise<void> {
  const { folder, processes, program } = tools
  const operator = ['--operator', 'operator.yaml']
  const submitted = await processes.run(folder.operator, [program, 'run', 'submit', 'plan.yaml', ...operator])
  if (submitted.code !== 0) throw new SimulationFailed(`run submit failed: ${submitted.stderr.trim()}`)
  const watching = processes.start({
    name: 'run watch',
    folder: folder.operator,
    args: [program, 'run', 'watch', RUN_NAME, '--json', '--until-paused', ...operator],
    onJson: ({ kind, body, at }) => {
      // Safety: written by a coordinator of this version.
      see({ kind, body } as RunEventBody, Date.parse(String(at)))
    },
  })
  watching.isExpectedToEnd = true
  await watching.outputEnded
}

/** Asks everybody to end, the coordinator after the agents; gives the names of those who did not do so in good order. */
export async function stopFederation(federation: Federation, processes: Processes): Promise<readonly string[]> {
  const { agents, coordinator, proxy } = federation
  const ended = await Promise.all(agents.map(async (agent) => ({ name: agent.name, ending: await agent.stop() })))
  for (const { name, process } of [
    { name: 'coordinator', process: coordinator },
    { name: 'proxy', process: proxy.process },
  ]) {
    ended.push({ name, ending: await processes.stop(process) })
  }
  return ended
    .filter(({ ending }) => ending.code !== 0)
    .map(({ name, ending }) => `${name}: ${ending.signal ?? `exit code ${ending.code}`}`)
}

/** What the coordinator listens on, once it has said so. */
async function appearing(path: string): Promise<{ readonly participants: string; readonly operators: string }> {
  const deadline = Date.now() + START_LIMIT_MS
  for (;;) {
    try {
      return JSON.parse(readFileSync(path, 'utf8'))
    } catch (cause) {
      if (Date.now() > deadline) throw new SimulationFailed('the coordinator did not listen in time', { cause })
    }
    await delay(LOOK_MS)
  }
}

async function inTime<T>(promise: Promise<T>, problem: string): Promise<T> {
  const clock = new AbortController()
  const late = delay(START_LIMIT_MS, undefined, { signal: clock.signal, ref: false }).then(() => {
    throw new SimulationFailed(`${problem} within ${START_LIMIT_MS / 1000} s`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    clock.abort()
  }
}
