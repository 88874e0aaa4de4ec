/** A plan in words: what will be trained, what leaves a site, what is assumed about whom. Pure. */

import type { Model } from '../shared/onnx/model.ts'
import { classCount, featureShape } from '../shared/plan/data-spec.ts'
import type { Plan } from '../shared/plan/plan.ts'
import { assumptionsOf, cohortSize, encodingOf } from '../shared/plan/plan-rules.ts'
import { sharingParameters, toleratedDropouts } from '../shared/protocol/threshold.ts'
import { vectorLayout } from '../shared/vector/encoding.ts'

/** The figures behind the words, as a script reads them. */
export interface PlanFigures {
  readonly parameters: number
  readonly operators: Readonly<Record<string, number>>
  readonly lanes: number
  readonly laneWidth: number
  readonly modulusBits: number
  readonly bytesUpPerSite: number
  readonly float32Bytes: number
  readonly enrolled: number
  readonly cohort: number
  readonly colluders: number
  readonly neighbours: number
  readonly threshold: number
  readonly quorum: number
  readonly toleratedDropouts: number
  /** Optimiser steps per round of a site with `examples` training examples. */
  readonly stepsPerRound: number
  readonly examples: number
}

/** Computes the figures for a site with so many training examples. */
export function planFigures(plan: Plan, model: Model, examples: number): PlanFigures {
  const assumptions = assumptionsOf(plan)
  const cohort = cohortSize(plan)
  const sharing = sharingParameters(cohort, assumptions)
  const layout = vectorLayout(encodingOf(plan))
  const operators: Record<string, number> = {}
  for (const { opType } of model.graph.nodes) operators[opType] = (operators[opType] ?? 0) + 1
  const { localSteps, localEpochs = 1, batchSize } = plan.training
  return {
    parameters: plan.model.parameterCount,
    operators,
    lanes: layout.lengthLanes,
    laneWidth: layout.laneWidth,
    modulusBits: layout.modulusBits,
    bytesUpPerSite: layout.packedBytes,
    float32Bytes: 4 * plan.model.parameterCount,
    enrolled: plan.participants.enrolled.length,
    cohort,
    colluders: assumptions.colluders,
    neighbours: sharing.neighbours,
    threshold: sharing.threshold,
    quorum: sharing.quorum,
    toleratedDropouts: toleratedDropouts(sharing, assumptions, plan.participants.minimumCohort),
    stepsPerRound: localSteps ?? localEpochs * Math.ceil(examples / Math.min(batchSize, examples)),
    examples,
  }
}

/** The plan and its figures as lines for a person. `msPerStep` is null when no step was tried. */
export function planInWords(plan: Plan, figures: PlanFigures, msPerStep: number | null): string[] {
  return [
    ...trainingWords(plan, figures),
    ...vectorWords(plan, figures),
    ...peopleWords(plan, figures),
    ...timeWords(figures, msPerStep),
  ]
}

function trainingWords(plan: Plan, figures: PlanFigures): string[] {
  const { training, data, rounds } = plan
  const operators = Object.entries(figures.operators).map(([name, count]) => (count > 1 ? `${count} × ${name}` : name))
  const classes = classCount(data)
  const amount =
    training.localSteps === undefined
      ? `${training.localEpochs} pass${training.localEpochs === 1 ? '' : 'es'} over a site's examples`
      : `${training.localSteps} optimiser steps`
  const decay = training.weightDecay > 0 ? `, weight decay ${training.weightDecay}` : ''
  return [
    `plan       ${plan.name}: ${rounds} rounds`,
    `model      ${whole(figures.parameters)} trained parameters; operators ${operators.join(', ')}`,
    `data       ${data.kind}, [${featureShape(data).join(', ')}] per example, ${classes === undefined ? 'numbers to predict' : `${classes} classes`}`,
    `training   ${training.loss}; each round ${amount}, batches of ${training.batchSize}, learning rate ` +
      `${training.learningRate}, momentum ${training.momentum}${decay}`,
  ]
}

function vectorWords(plan: Plan, figures: PlanFigures): string[] {
  const { inputBits, clipNorm, laneRange, minExamples, maxExamples } = plan.aggregation
  const share = ((100 * figures.bytesUpPerSite) / figures.float32Bytes).toFixed(0)
  return [
    `clipping   an update is cut to norm ${clipNorm} and each coordinate to ±${laneRange}, then rounded at random to ` +
      `${inputBits} bits; a site counts as ${whole(minExamples)} to ${whole(maxExamples)} examples`,
    `vector     ${whole(figures.lanes)} lanes of ${figures.laneWidth} bits, sums modulo 2^${figures.modulusBits}, ` +
      'counts and metrics inside',
    `upload     ${whole(figures.bytesUpPerSite)} bytes per site and round: ${share} % of ${whole(figures.float32Bytes)} ` +
      'bytes of float32',
  ]
}

function peopleWords(plan: Plan, figures: PlanFigures): string[] {
  const { participants, security } = plan
  const adversary = security.adversary === 'malicious' ? 'a coordinator that may do anything' : 'an honest coordinator'
  const dropouts = figures.toleratedDropouts
  return [
    `sites      ${figures.enrolled} enrolled, ${figures.cohort} asked each round`,
    `security   against ${adversary} and up to ${figures.colluders} colluding site${plural(figures.colluders)} ` +
      `(gamma ${security.gamma}); at least ${participants.minimumCohort} presumed honest sites in every sum`,
    `thresholds t = ${figures.threshold} shares rebuild a secret, q = ${figures.quorum} signatures fix the survivors; a ` +
      `full cohort bears ${dropouts} dropout${plural(dropouts)}`,
  ]
}

function timeWords({ stepsPerRound, examples }: PlanFigures, msPerStep: number | null): string[] {
  const steps = `${whole(stepsPerRound)} steps for a site with ${whole(examples)} examples`
  if (msPerStep === null) return [`time       ${steps} per round; no step was tried`]
  const seconds = (stepsPerRound * msPerStep) / 1000
  return [
    `time       about ${seconds.toFixed(1)} s of training per round on this machine: ${steps}, ${msPerStep.toFixed(2)} ms each`,
  ]
}

function whole(value: number): string {
  return value.toLocaleString('en-US')
}

function plural(count: number): string {
  return count === 1 ? '' : 's'
}
