/**
 * The links that hold the folder's files to the signed head: exactly the files that the history accounts for, the model's
 * bytes, and the plan's.
 */
import { equalBytes } from '../../crypto/digest.ts'
import { ConfigError } from '../../errors.ts'
import type { Plan } from '../../plan/plan.ts'
import { parsePlan, planDigest } from '../../plan/plan-document.ts'
import { aggregationClaim } from '../aggregation-claim.ts'
import { encodeCanonical } from '../canonical-file.ts'
import { exportPaths, isAccountedFor, MODEL_PATH, PLAN_PATH } from '../export-layout.ts'
import type { VersionRecord } from '../version-record.ts'
import type { ExportFolder } from './export-folder.ts'
import { breakIf, broken, type Holds } from './link.ts'

/** Nothing stands in model/, chain/ and sessions/ but what the history needs; files elsewhere are not looked at. */
export function holdsOnlyItsFiles(folder: ExportFolder, head: VersionRecord): Holds<null> {
  const expected = new Set(exportPaths(head.version))
  const stranger = folder.paths.find((path) => isAccountedFor(path) && !expected.has(path))
  breakIf(stranger !== undefined, 'unexpected_file', `${stranger} is not part of version ${head.version}`)
  return { value: null, detail: `${expected.size} files, none unaccounted for` }
}

/** The model's bytes are the statement's subject. */
export function modelIsSubject(folder: ExportFolder, head: VersionRecord): Holds<null> {
  const found = folder.measure(MODEL_PATH)
  if (found === null) broken('file_missing', `${MODEL_PATH} is missing or cannot be read`)
  const { sha256, bytes } = head.model
  breakIf(
    found.sha256 !== sha256 || found.bytes !== bytes,
    'model_differs',
    `${MODEL_PATH} is ${found.sha256} (${found.bytes} bytes), the statement's subject is ${sha256} (${bytes} bytes)`,
  )
  return { value: null, detail: `sha256 ${sha256}, ${bytes} bytes` }
}

/** The plan document is the one the head names. */
export function planIsNamed(folder: ExportFolder, head: VersionRecord): Holds<Plan> {
  const bytes = folder.read(PLAN_PATH)
  if (bytes === null) broken('file_missing', `${PLAN_PATH} is missing or cannot be read`)
  breakIf(!equalBytes(planDigest(bytes), head.planDigest), 'plan_differs', `${PLAN_PATH} is not the plan of this run`)
  const plan = readPlan(bytes)
  breakIf(plan.name !== head.runName, 'run_differs', `the plan is called ${plan.name}, the run ${head.runName}`)
  return { value: plan, detail: `${plan.name}, ${plan.participants.enrolled.length} enrolled` }
}

/** What the version says about its making follows from the plan; version 0 is the plan's own model. */
export function followsPlan(plan: Plan, record: VersionRecord): Holds<null> {
  const stated = encodeCanonical(record.aggregation)
  breakIf(
    !equalBytes(stated, encodeCanonical(aggregationClaim(plan))),
    'aggregation_differs',
    `version ${record.version} states other aggregation parameters than its plan`,
  )
  breakIf(
    record.version === 0 && record.model.sha256 !== plan.model.sha256,
    'initial_model_differs',
    `version 0 is ${record.model.sha256}, the plan begins from ${plan.model.sha256}`,
  )
  return { value: null, detail: record.version === 0 ? "the plan's initial model" : 'aggregated as the plan says' }
}

function readPlan(bytes: Uint8Array): Plan {
  try {
    return parsePlan(bytes)
  } catch (error) {
    if (error instanceof ConfigError) broken('plan_malformed', `${PLAN_PATH}: ${error.problems[0]}`)
    throw error
  }
}
