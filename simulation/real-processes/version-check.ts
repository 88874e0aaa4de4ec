/**
 * A published version held against what the agents gave: exported and verified with the commands that anybody would use, its
 * survivors read from the signed provenance, its parameters compared with the sum of their vectors.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { extractParameters } from '../../shared/onnx/parameters.ts'
import { decodeBundle } from '../../shared/provenance/bundle.ts'
import { MODEL_PATH, PROVENANCE_PATH } from '../../shared/provenance/export-layout.ts'
import { readStatement } from '../../shared/provenance/read-statement.ts'
import type { Agent } from './agent.ts'
import type { FederationFolder } from './federation-folder.ts'
import { compareWithSum, type DrawnVector, examplesOf, type SumComparison } from './fixed-vectors.ts'
import { agentId, RUN_NAME } from './process-plan.ts'
import type { Processes } from './processes.ts'
import { SimulationFailed } from './simulation-failed.ts'

export interface VersionCheck extends SumComparison {
  /** What `blindsum verify` said. */
  readonly verified: boolean
  /** SPIFFE IDs that the provenance names. */
  readonly survivors: readonly string[]
}

export interface VersionTools {
  readonly processes: Processes
  readonly folder: FederationFolder
  /** The program `blindsum`. */
  readonly program: string
  readonly agents: readonly Agent[]
}

/** The parameters of version 0, which the harness wrote. */
export function initialParameters(folder: FederationFolder): Float32Array {
  return parametersIn(join(folder.operator, 'model.onnx'))
}

/** Checks version `version`, made from parameters `before`; gives its own as well. */
export async function checkVersion(
  version: number,
  before: Float32Array,
  tools: VersionTools,
): Promise<{ readonly check: VersionCheck; readonly parameters: Float32Array }> {
  const { processes, folder, program, agents } = tools
  const out = join(folder.root, 'auditor', `version-${version}`)
  const fetch = ['model', 'export', RUN_NAME, '--version', String(version), '--out', out]
  const exported = await processes.run(folder.operator, [program, ...fetch, '--operator', 'operator.yaml'])
  if (exported.code !== 0) throw new SimulationFailed(`model export failed: ${exported.stderr.trim()}`)
  const anchors = ['--key', folder.provenanceKey, '--trust-bundle', folder.trustBundle]
  const verdict = await processes.run(folder.root, [program, 'verify', out, ...anchors])
  const { survivors, examples } = survivorsIn(join(out, PROVENANCE_PATH))
  const parameters = parametersIn(join(out, MODEL_PATH))
  const vectors = agents
    .filter(({ place }) => survivors.includes(agentId(place)))
    .map((agent) => agent.vectorOf(version))
    .filter((vector): vector is DrawnVector => vector !== null)
  const comparison = compareWithSum(before, parameters, vectors)
  const isWhole = vectors.length === survivors.length && examples === examplesOf(vectors)
  const check = { ...comparison, exact: comparison.exact && isWhole, verified: verdict.code === 0, survivors }
  return { check, parameters }
}

function survivorsIn(path: string): { readonly survivors: readonly string[]; readonly examples: number | undefined } {
  const bundle = decodeBundle(new Uint8Array(readFileSync(path)))
  const statement = bundle.ok ? readStatement(bundle.value.envelope.payload) : bundle
  if (!statement.ok) throw new SimulationFailed(`the provenance of a version cannot be read: ${statement.problem}`)
  const { session, metrics } = statement.value
  return { survivors: session?.receipts.map(({ spiffeId }) => spiffeId) ?? [], examples: metrics.examples }
}

function parametersIn(path: string): Float32Array {
  return extractParameters(decodeModel(new Uint8Array(readFileSync(path))), []).values
}
