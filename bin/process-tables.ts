/** The report of a simulation with real processes as people read it. Pure. */
import type { ProcessReport, ProcessRound } from '../simulation/real-processes/process-report.ts'
import { byteSize, grouped, textTable } from './text-table.ts'

export function processTables(report: ProcessReport): string {
  const { plan, rounds, agents, machine, seconds } = report
  const { stageDeadlineMs, joinGraceMs } = report.timing
  const headings = [
    'round',
    'sessions',
    'roster',
    'survive',
    'verified',
    'exact',
    'seconds',
    'bytes up',
    'at most',
    'bytes down',
    'at most',
  ]
  const memory = agents.map(({ peakMemoryBytes }) => peakMemoryBytes ?? 0)
  const size = (bytes: number | null) => (bytes === null || bytes === 0 ? 'not told by this system' : byteSize(bytes))
  return [
    `${plan.participants} agents over mTLS, ${grouped(plan.lanes)} lanes, seed ${plan.seed}; stages may take ` +
      `${stageDeadlineMs / 1000} s, who is not connected is waited for ${joinGraceMs / 1000} s`,
    `the run: ${report.outcome}; final evaluation ${report.finalEvaluation}`,
    '',
    textTable(headings, rounds.map(roundRow)),
    ...rounds.flatMap(roundWords),
    faultTable(report),
    'Bytes are those of one agent on the wire in a round, TLS and HTTP/2 included: mean, and the most of one.',
    `Peak memory: coordinator ${size(report.coordinatorPeakMemoryBytes)}, an agent at most ${size(Math.max(0, ...memory))}`,
    `${seconds.start.toFixed(1)} s until all attended, ${seconds.run.toFixed(1)} s of run, ${seconds.all.toFixed(1)} s in all, ` +
      `on ${machine.cores} cores (${machine.cpu}), Node ${machine.node}`,
    ...report.uncleanEndings.map((ending) => `did not end in good order: ${ending}`),
    `exact: ${report.exact}`,
    '',
  ].join('\n')
}

function roundRow(round: ProcessRound): readonly string[] {
  return [
    String(round.round),
    String(round.attempts),
    String(round.roster),
    String(round.survivors.length),
    round.verified ? 'yes' : 'NO',
    round.exact ? 'yes' : 'NO',
    round.seconds.toFixed(1),
    grouped(round.upBytes.mean),
    grouped(round.upBytes.greatest),
    grouped(round.downBytes.mean),
    grouped(round.downBytes.greatest),
  ]
}

function roundWords({ round, aborted, refusals, dropouts, outcome }: ProcessRound): readonly string[] {
  const missing = dropouts.map(({ agent, fault }) => `${agent} (${fault ?? 'no fault'})`)
  return [
    ...aborted.map(({ attempt, reason, detail }) => `round ${round}: session ${attempt} aborted, ${reason}: ${detail}`),
    ...refusals.map(({ spiffeId, code }) => `round ${round}: ${spiffeId.split('/').at(-1)} left, ${code}`),
    ...(missing.length > 0 ? [`round ${round}: without ${missing.join(', ')}`] : []),
    ...(outcome === 'published' ? [] : [`round ${round}: not published`]),
  ]
}

function faultTable({ faults }: ProcessReport): string {
  if (faults.length === 0) return ''
  const figure = (value: number | null) => (value === null ? '–' : value.toFixed(1))
  const rows = faults.map((fault) => [
    String(fault.round),
    fault.agent,
    fault.kind,
    `after "${fault.moment}"`,
    figure(fault.atSeconds),
    figure(fault.seconds),
    figure(fault.backAfterSeconds),
  ])
  return `\n${textTable(['round', 'agent', 'fault', 'struck', 'at s', 'for s', 'back after s'], rows)}`
}
