/**
 * Any data, not digits: four sites with CSV tables train a logistic regression through the commands a person would type,
 * as real processes; the exported model runs in plain onnxruntime.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { appearing, DemoProcesses } from '../../demo/processes.ts'
import {
  AUTHOR,
  CLINICS,
  COORDINATOR,
  clinicId,
  DOMAIN,
  FEATURES,
  writeClinic,
  writeCoordinator,
  writeTabularPlan,
} from './tabular-sites.ts'

const ROUNDS = 4
const OPERATOR = `spiffe://${DOMAIN}/operator/bea`
const root = mkdtempSync(join(tmpdir(), 'blindsum-tabular-'))
const processes = new DemoProcesses()
afterAll(async () => {
  await processes.stop()
  rmSync(root, { recursive: true })
})

/** Runs a command in `root`, requires exit 0, gives what it printed. */
async function blindsum(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await processes.run(root, args)
  expect(stderr, args.join(' ')).toBe('')
  expect(code, args.join(' ')).toBe(0)
  return stdout
}

test('four sites with tables train a model, by command from certificates to verified export', async () => {
  await blindsum('ca', 'init', '--trust-domain', DOMAIN, '--out', 'ca')
  const issue = (id: string, folder: string) => blindsum('ca', 'issue', id, '--ca', 'ca', '--out', `${folder}/identity`)
  await Promise.all([
    issue(COORDINATOR, 'coordinator'),
    issue(OPERATOR, 'operator'),
    issue(AUTHOR, 'author'),
    ...CLINICS.map((name) => issue(clinicId(name), name)),
  ])

  const coordinatorFolder = join(root, 'coordinator')
  processes.start('coordinator', coordinatorFolder, [
    'coordinator',
    '--config',
    writeCoordinator(coordinatorFolder, OPERATOR),
  ])
  const listening = join(coordinatorFolder, 'data', 'listening.json')
  const { participants: address, operators } = await appearing<Record<string, string>>(listening, 30_000)
  const plan = writeTabularPlan(join(root, 'operator'), ROUNDS)
  writeFileSync(
    join(root, 'operator.yaml'),
    stringify({ address: operators, serverId: COORDINATOR, identity: 'operator/identity' }),
  )
  const configs = CLINICS.map((name, place) =>
    writeClinic(join(root, name), { address: address ?? '', seed: place + 1 }),
  )

  expect(await blindsum('plan', 'sign', plan, '--identity', 'author/identity', '--out', 'plan.signed.json')).toContain(
    `signed readmission as ${AUTHOR}`,
  )
  const signed = 'plan.signed.json'
  const checked = await blindsum('participant', 'check', '--config', configs[0] ?? '', '--plan', signed)
  expect(checked).toContain(`signed by ${AUTHOR} at `)
  expect(checked).toContain('180 examples of [5]: 135 to train on, 45 held out')
  expect(checked).toContain('this site can join')
  const words = await blindsum('run', 'check', plan)
  expect(words).toContain('6 trained parameters; operators Gemm')
  expect(words).toContain('tabular, [5] per example, 2 classes')

  for (const [place, name] of CLINICS.entries()) {
    processes.start(name, join(root, name), ['participant', '--config', configs[place] ?? ''])
  }
  await blindsum('run', 'submit', signed)
  const watched = await blindsum('run', 'watch', 'readmission')
  expect(watched).toMatch(/round 4\/4 {2}4 of 4 sites {2}train loss 0\.\d+ /)
  expect(watched).toContain('completed; the best version is')
  expect(await blindsum('run', 'list')).toMatch(/readmission {2}completed {2}4\/4/)

  const { versions } = JSON.parse(await blindsum('model', 'list', 'readmission', '--json'))
  expect(versions).toHaveLength(ROUNDS + 1)
  const [first, last] = [versions[0].metrics, versions.at(-1).metrics]
  expect(last.evalLoss).toBeLessThan(first.evalLoss)
  expect(last.evalAccuracy).toBeGreaterThan(0.7)
  expect(last.evalExamples).toBe(45 + 60 + 75 + 90)

  await blindsum('model', 'export', 'readmission', '--version', 'latest', '--out', 'exported')
  const anchors = ['--key', 'coordinator/signing.pub.pem', '--trust-bundle', 'ca/bundle.json']
  expect(await blindsum('verify', 'exported', ...anchors)).toContain('verified: version 4')
  await runsInPlainOnnxruntime(join(root, 'exported', 'model', 'model.onnx'))

  const stranger = [
    '--coordinator',
    operators ?? '',
    '--server-id',
    COORDINATOR,
    '--identity',
    `${CLINICS[0]}/identity`,
  ]
  const refused = await processes.run(root, ['run', 'list', ...stranger])
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('not_permitted')
}, 240_000)

/** Older patients with high pressure are readmitted more often: the model has learnt which way the signs go. */
async function runsInPlainOnnxruntime(file: string): Promise<void> {
  const session = await InferenceSession.create(new Uint8Array(readFileSync(file)))
  const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]]
  const features = Float32Array.of(1.5, 1, 0, 0, 1, -1.5, -1, 1, 0, 0)
  const result = await session.run({ [input]: new Tensor('float32', features, [2, FEATURES]) })
  const logits = result[output]?.data as Float32Array
  expect(logits).toHaveLength(2)
  expect(logits[0]).toBeGreaterThan(0)
  expect(logits[1]).toBeLessThan(0)
}
