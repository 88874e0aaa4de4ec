/** A simulation's report as people read it. Pure. */
import type { RoundReport, SimulationReport } from '../simulation/report.ts'
import { byteSize, grouped, textTable } from './text-table.ts'

export function simulationTables(report: SimulationReport): string {
  const { plan, parameters, rounds, expansion, peakMemoryBytes, seconds, machine } = report
  const { graph, neighbours, threshold, corruptHolders, quorum } = parameters
  const head = [
    `${grouped(plan.participants)} participants, ${grouped(plan.lanes)} lanes of ${plan.inputBits} bits, ${plan.adversary} ` +
      `coordinator, γ ${plan.gammaPpm / 10_000} %, δ ${plan.deltaPpm / 10_000} %, seed ${plan.seed}`,
    `${graph} graph: k = ${neighbours}, t = ${threshold}, c = ${corruptHolders}, q = ${quorum}`,
    '',
  ]
  const times = ({ up, both }: { readonly up: number; readonly both: number }) =>
    `${up.toFixed(2)} sent, ${both.toFixed(2)} sent and received`
  const foot = [
    `Expansion against a float32 vector: ${times(expansion.float32)}; against a 16-bit one: ${times(expansion.bits16)}`,
    `Peak memory of this process, all participants included: ${byteSize(peakMemoryBytes)}`,
    `${seconds.toFixed(1)} s on ${machine.cores} cores (${machine.cpu}), ${machine.threads} threads of participants, Node ${machine.node}`,
    `exact: ${report.exact}`,
    '',
  ]
  return [...head, ...rounds.map(roundText), ...foot].join('\n')
}

function roundText(round: RoundReport): string {
  const rows = round.steps.map((step, stage) => [
    stage < 5 ? `${stage} ${step.step}` : step.step,
    grouped(step.participants),
    step.participantMs.mean.toFixed(1),
    step.participantMs.greatest.toFixed(1),
    grouped(step.upBytes.mean),
    grouped(step.downBytes.mean),
    step.coordinatorMs.toFixed(0),
    step.virtualSeconds.toFixed(2),
  ])
  const totals = [
    'in all',
    '',
    round.participantMs.mean.toFixed(1),
    round.participantMs.greatest.toFixed(1),
    grouped(round.upBytes.mean),
    grouped(round.downBytes.mean),
    round.coordinatorMs.toFixed(0),
    round.virtualSeconds.toFixed(2),
  ]
  const headings = ['stage', 'there', 'CPU ms', 'at most', 'bytes up', 'bytes down', 'coord. ms', 'virtual s']
  const silent = round.dropouts.reduce((all, count) => all + count, 0)
  const ending = round.outcome === 'completed' ? `sum ${round.exact ? 'exact' : 'WRONG'}` : `aborted, ${round.reason}`
  return [
    `Round ${round.round}: ${grouped(round.roster)} in the roster, ${grouped(round.shared)} dealt, ${grouped(round.survivors)} ` +
      `survive, ${silent} fell silent (by stage: ${round.dropouts.join(' ')}); ${ending}`,
    textTable(headings, [...rows, totals]),
    ...caughtText(round),
    ...surprisesText(round),
  ].join('\n')
}

/** An aborted session can surprise everybody in it. */
const MOST_TOLD = 10

function surprisesText({ surprises }: RoundReport): readonly string[] {
  const told = surprises.slice(0, MOST_TOLD)
  const lines = told.map(({ participant, code, message }) => `unexpected: ${participant} (${code}): ${message}`)
  const more = surprises.length - told.length
  if (more > 0) lines.push(`unexpected: so it is with ${more} more`)
  return lines.length === 0 ? [] : [...lines, '']
}

function caughtText({ misbehaviours }: RoundReport): readonly string[] {
  if (misbehaviours.length === 0) return []
  const rows = misbehaviours.map(({ participant, misbehaviour, code, by, named }) => [
    participant,
    misbehaviour,
    code ?? 'not caught',
    by ?? '',
    named ? 'by name' : '',
  ])
  return [textTable(['participant', 'did', 'caught as', 'by', 'blamed'], rows)]
}
