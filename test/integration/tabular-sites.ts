/** A second kind of federation for the tests: four clinics with CSV tables, a category, missing values, a yes-or-no label. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { logisticRegression } from '../../shared/onnx/model-writer.ts'
import { gaussian, seededUniform } from '../../shared/onnx/seeded-numbers.ts'

export const CLINICS = ['aar', 'bode', 'chiem', 'dahme'] as const
export const DOMAIN = 'clinics.example'
export const COORDINATOR = `spiffe://${DOMAIN}/coordinator`
/** Signs the plans; has no other part. */
export const AUTHOR = `spiffe://${DOMAIN}/author/cleo`

export function clinicId(name: string): string {
  return `spiffe://${DOMAIN}/clinic/${name}`
}

/** The plan's description of the tables: the same constants for everybody, none computed from one clinic's rows. */
const DATA = {
  kind: 'tabular',
  features: [
    { name: 'age', kind: 'number', mean: 50, scale: 15, missing: 50 },
    { name: 'pressure', kind: 'number', mean: 130, scale: 20 },
    { name: 'region', kind: 'category', values: ['coast', 'hills', 'city'], missing: 'city' },
  ],
  label: { name: 'readmitted', kind: 'class', values: ['no', 'yes'] },
}
export const FEATURES = 5

/** Rows of one clinic: `size` patients of its own mix, about a tenth of the ages and regions unknown. */
export function clinicTable(size: number, seed: number): string {
  const uniform = seededUniform(seed)
  const normal = gaussian(uniform)
  const middleAge = 35 + 30 * uniform()
  const rows = Array.from({ length: size }, (_, patient) => {
    const age = Math.round(middleAge + 12 * normal())
    const pressure = Math.round(128 + 18 * normal())
    const region = ['coast', 'hills', 'city'][Math.floor(3 * uniform())] ?? 'city'
    const logit = 1.6 * ((age - 50) / 15) + 1.2 * ((pressure - 130) / 20) + (region === 'coast' ? -1 : 0.5)
    const isReadmitted = uniform() < 1 / (1 + Math.exp(-2 * logit))
    const shownAge = uniform() < 0.1 ? '' : String(age)
    const shownRegion = uniform() < 0.1 ? '' : `"${region}"`
    return `${patient},${shownRegion},${shownAge},${pressure},${isReadmitted ? 'yes' : 'no'}`
  })
  return `patient,region,age,pressure,readmitted\n${rows.join('\n')}\n`
}

/** Writes plan.yaml and model.onnx; gives the plan's path. */
export function writeTabularPlan(folder: string, rounds: number): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'model.onnx'), logisticRegression({ features: FEATURES, classes: 1, seed: 7 }))
  const plan = {
    name: 'readmission',
    rounds,
    model: { file: 'model.onnx' },
    participants: { enrolled: CLINICS.map(clinicId), minimumCohort: 3 },
    data: { set: 'patients', ...DATA },
    training: { loss: 'binary-cross-entropy', localEpochs: 2, batchSize: 16, learningRate: 0.05, momentum: 0.5 },
    aggregation: { maxExamples: 1000, clipNorm: 5 },
    security: { gamma: 0 },
    timing: { joinGraceMs: 2000, stageDeadlineMs: 30_000, trainDeadlineMs: 60_000 },
  }
  writeFileSync(join(folder, 'plan.yaml'), stringify(plan))
  return join(folder, 'plan.yaml')
}

const IDENTITY = {
  certificate: 'identity/svid.pem',
  privateKey: 'identity/svid.key',
  trustBundle: 'identity/bundle.json',
}

/** Writes a clinic's participant.yaml and its table. */
export function writeClinic(folder: string, { address, seed }: { readonly address: string; readonly seed: number }) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'patients.csv'), clinicTable(120 + 60 * seed, seed))
  const config = {
    dataFolder: 'data',
    identity: IDENTITY,
    coordinator: { address, spiffeId: COORDINATOR },
    data: { patients: { format: 'csv', path: 'patients.csv', holdOut: 0.25 } },
    policy: 'policy.yaml',
  }
  const policy = { planAuthors: [`spiffe://${DOMAIN}/author/*`], peers: CLINICS.map(clinicId), dataSets: ['patients'] }
  writeFileSync(join(folder, 'policy.yaml'), stringify(policy))
  writeFileSync(join(folder, 'participant.yaml'), stringify(config))
  return join(folder, 'participant.yaml')
}

/** Writes coordinator.yaml with ports of the system's choice. */
export function writeCoordinator(folder: string, operator: string): string {
  mkdirSync(folder, { recursive: true })
  const config = {
    dataFolder: 'data',
    identity: IDENTITY,
    participants: { listen: '127.0.0.1:0' },
    operators: { listen: '127.0.0.1:0', allow: [operator] },
    provenance: { key: 'signing.pem' },
  }
  writeFileSync(join(folder, 'coordinator.yaml'), stringify(config))
  return join(folder, 'coordinator.yaml')
}
