/**
 * `npm run demo`: a federation of real processes on this machine, from certificates to a verified model. Whatever
 * happens, its processes are gone at the end, and its folder too unless `--keep` was given.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { percent } from '../bin/text-table.ts'
import { accuracyOn, siteDataset, trainCentrally } from './central.ts'
import { exportAndVerify } from './export-and-verify.ts'
import { runFederation } from './federation.ts'
import { demoFolders, HOLD_OUT, issueIdentities } from './federation-folders.ts'
import { type DemoOptions, demoCommand } from './options.ts'
import { brokenPromises, type Measured, outcomeAsJson } from './outcome.ts'
import { DEFAULT_ROUNDS, TRAINING, writePlan } from './plan.ts'
import { DemoProcesses } from './processes.ts'
import { describeDigits, digitsFor, writeDigits } from './site-data.ts'
import { TRUST_DOMAIN } from './sites.ts'

function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function runDemo(options: DemoOptions): Promise<number> {
  const started = performance.now()
  const root = mkdtempSync(join(tmpdir(), 'blindsum-demo-'))
  const processes = new DemoProcesses()
  const removeFolder = () => {
    if (!options.keep) rmSync(root, { recursive: true, force: true })
  }
  process.once('exit', () => processes.killAll())
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      processes.killAll()
      removeFolder()
      process.exit(128 + constants.signals[signal])
    })
  }
  try {
    const measured = await Promise.race([processes.failure, play(options, root, { processes, started })])
    await processes.stop()
    const broken = brokenPromises(measured)
    for (const promise of broken) tell(`BROKEN: ${promise}`)
    if (broken.length === 0) tell(`\nall of it held, in ${measured.seconds.toFixed(0)} s`)
    tellPlaces(root, options.keep)
    if (options.json) tell(outcomeAsJson(measured))
    return broken.length === 0 ? 0 : 1
  } finally {
    await processes.stop()
    removeFolder()
  }
}

async function play(
  options: DemoOptions,
  root: string,
  { processes, started }: { readonly processes: DemoProcesses; readonly started: number },
): Promise<Measured> {
  const { sites, seed } = options
  const rounds = options.rounds ?? DEFAULT_ROUNDS
  const folders = demoFolders(root)
  await issueIdentities(folders, sites)
  tell(`made the trust domain ${TRUST_DOMAIN}: coordinator, operator and ${sites.length} sites have certificates`)
  const { parts, test } = await digitsFor(sites.length, seed)
  for (const [place, name] of sites.entries()) {
    const part = parts[place]
    if (part === undefined) continue
    writeDigits(join(folders.site(name), 'digits'), part)
    tell(`  ${name.padEnd(8)} ${describeDigits(part)}`)
  }
  writePlan(folders.operator, { sites, rounds, seed })

  const run = await runFederation({ processes, folders, sites, rounds, kill: options.kill, tell })

  tell('\nfetching and verifying the final model')
  const verdicts = await exportAndVerify(processes, folders, tell)
  const steps = TRAINING.localSteps * run.rounds.reduce((sum, { survivors }) => sum + survivors, 0)
  tell(`\ntraining one model centrally on the same images, ${steps.toLocaleString('en-US')} steps, to compare`)
  const finalAccuracy = await accuracyOn(test, verdicts.model)
  const central = await trainCentrally(parts.map(siteDataset), { steps, seed, onProgress: showProgress })
  const centralAccuracy = await accuracyOn(test, central)
  tell(`  on ${test.count.toLocaleString('en-US')} images that no site has:`)
  tell(`  federated ${percent(finalAccuracy)}   central ${percent(centralAccuracy)}`)
  const heldOut = Math.round((HOLD_OUT * parts.reduce((sum, { count }) => sum + count, 0)) / parts.length)
  tell(`  (the table's accuracy is on other images: what each site holds out of its own, about ${heldOut})`)
  return {
    ...verdicts,
    options,
    rounds: run.rounds,
    plannedRounds: rounds,
    killedInRound: run.killedInRound,
    finalAccuracy,
    centralAccuracy,
    seconds: (performance.now() - started) / 1000,
  }
}

/** On a terminal, how far long work is; gone when it is done. */
function showProgress(done: number): void {
  if (process.stdout.isTTY) process.stdout.write(done < 1 ? `\r  ${percent(done)}` : '\r\u001b[2K')
}

function tellPlaces(root: string, isKept: boolean): void {
  if (!isKept) {
    tell('nothing is left behind; with  npm run demo -- --keep  you can look at every config, log and the model')
    tell('next: docs/getting-started.md sets up a federation of your own')
    return
  }
  tell(`everything is in ${root}: a folder per process with its config, identity, data and log`)
  tell('try next:')
  tell(
    `  node bin/blindsum.js verify ${join(root, 'auditor', 'final')} --key ${join(root, 'auditor', 'coordinator.pub.pem')} \\`,
  )
  tell(`    --trust-bundle ${join(root, 'auditor', 'sites.bundle.json')}`)
  tell(`  node bin/blindsum.js run check ${join(root, 'operator-ada', 'plan.yaml')}`)
  tell('  docs/getting-started.md sets up a federation of your own')
}

process.exitCode = await demoCommand(runDemo)(process.argv.slice(2))
