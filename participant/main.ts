/**
 * The participant process: configuration, identity, folder lock and journal are opened, the agent runs until it is asked to
 * stop. Everything a person can mend is a ConfigError before anything is dialled.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../shared/errors.ts'
import { identityKeyRefusal } from '../shared/identity/identity-signature.ts'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import { systemRng } from '../shared/random.ts'
import { lockFolder } from '../shared/runtime/folder-lock.ts'
import { type Log, openLog } from '../shared/runtime/log.ts'
import { SOFTWARE_VERSION } from '../shared/runtime/software-version.ts'
import { fileIdentitySource } from '../shared/transport/file-identity-source.ts'
import { runAgent } from './agent.ts'
import { identityFiles, type ParticipantConfig, readParticipantConfig } from './config.ts'
import { readDrill } from './drill.ts'
import { openJournal } from './journal.ts'
import { keptUpdates } from './kept-update.ts'
import { eraseWithoutJournal } from './lost-journal.ts'
import { patternsIn } from './policy/id-pattern.ts'
import { localTrainer, type Trainer } from './trainer.ts'

/** How long the agent may take to leave its session when it is asked to stop. */
const STOP_LIMIT_MS = 10_000

export interface ParticipantOptions {
  /** `POINT@ROUND`: hold there until killed; see drill.ts. */
  readonly drill?: string
}

/**
 * Runs the agent that `configPath` describes, until SIGTERM or SIGINT: it then leaves its session and this resolves.
 * @throws ConfigError for whatever has to be mended before it can start.
 */
export async function runParticipant(configPath: string, options: ParticipantOptions = {}): Promise<void> {
  const config = readParticipantConfig(configPath)
  const log = openLog({ name: 'participant', level: config.log.level })
  const stop = new AbortController()
  const asked = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping')
    stop.abort(new Error(signal))
    setTimeout(() => process.exit(0), STOP_LIMIT_MS).unref()
  }
  process.once('SIGTERM', asked)
  process.once('SIGINT', asked)
  try {
    await startParticipant({ config, log, stop: stop.signal, ...options })
  } finally {
    process.off('SIGTERM', asked)
    process.off('SIGINT', asked)
  }
}

/** The same with everything given, for tests: `trainer` takes the place of training on the site's data. */
export async function startParticipant(request: {
  readonly config: ParticipantConfig
  readonly log: Log
  readonly stop: AbortSignal
  readonly drill?: string
  readonly trainer?: Trainer
}): Promise<void> {
  const { config, log, stop } = request
  const drill = readDrill(request.drill, log, stop)
  const lock = lockFolder(config.dataFolder, 'participant')
  try {
    const identity = fileIdentitySource(identityFiles(config), {
      onProblem: ({ code, message }) => log.warn({ code }, `the renewed identity is not taken: ${message}`),
    })
    try {
      const { spiffeId, privateKey } = identity.current()
      const refusal = identityKeyRefusal(privateKey)
      if (refusal !== null) throw new ConfigError(refusal.code, refusal.message)
      checkAuthorsAtHome(config, identity.current().bundle.trustDomain)
      checkFolder(config.dataFolder, log)
      const journalPath = join(config.dataFolder, 'journal.sqlite')
      await eraseWithoutJournal(config.dataFolder, journalPath)
      const journal = openJournal(journalPath)
      try {
        log.info(
          { spiffeId, version: SOFTWARE_VERSION, coordinator: config.coordinator.address },
          'participant started',
        )
        const rng = systemRng
        const trainer = request.trainer ?? localTrainer({ config, journal, rng, log })
        const updates = keptUpdates({ folder: config.dataFolder, journal, log })
        await runAgent({ config, identity, journal, trainer, updates, engine: cpuMaskEngine(), rng, drill, log, stop })
        log.info('participant stopped')
      } finally {
        journal.close()
      }
    } finally {
      identity.close()
    }
  } finally {
    lock.release()
  }
}

/** Whoever can write there can put another journal, or another update, in the place of the site's. */
function checkFolder(folder: string, log: Log): void {
  const { mode } = statSync(folder)
  const problem = `the data folder ${folder} can be written by`
  if ((mode & 0o002) !== 0) throw new ConfigError('folder_open_to_all', `${problem} everybody: chmod o-w it`)
  if ((mode & 0o020) !== 0) log.warn({ code: 'folder_open_to_group' }, `${problem} its group: chmod g-w it`)
}

/** A certificate of another trust domain proves nothing here: authors who are all elsewhere could sign nothing. */
function checkAuthorsAtHome({ policy }: ParticipantConfig, trustDomain: string): void {
  if (patternsIn(policy.planAuthors, trustDomain).length > 0) return
  const problem = `policy.planAuthors names nobody in the trust domain ${trustDomain}, so no plan could be accepted`
  throw new ConfigError('plan_authors_foreign', `${problem}: ${policy.planAuthors.join(', ')}`)
}
