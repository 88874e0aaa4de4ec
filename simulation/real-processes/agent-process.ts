/**
 * Run as a process: a participant's agent as `blindsum participant` starts it (config, policy, identity, journal, connection,
 * protocol), but for its training, which gives fixed vectors at once. Arguments: config file, seed, place, and which start
 * of this agent it is. Before a vector is handed over, the harness is told which one it is.
 */
import { readParticipantConfig } from '../../participant/config.ts'
import { startParticipant } from '../../participant/main.ts'
import type { Trainer } from '../../participant/trainer.ts'
import { openLog } from '../../shared/runtime/log.ts'
import { fixedUpdate } from './fixed-vectors.ts'

/** What the harness is told over the channel. */
export interface Trained {
  readonly round: number
  readonly training: number
}

/** More trainings than one start can need; so every start's are its own. */
const TRAININGS_PER_START = 1000
/** How long an agent may take to leave its session, as the command has it. */
const STOP_LIMIT_MS = 10_000

const [configPath = '', seed = '', place = '', start = ''] = process.argv.slice(2)
const config = readParticipantConfig(configPath)
let trainings = Number(start) * TRAININGS_PER_START

const trainer: Trainer = {
  train: async ({ plan, round, evaluateOnly }) => {
    trainings += 1
    const draw = { seed: Number(seed), place: Number(place), round, training: trainings }
    await tell({ round, training: trainings })
    const made = fixedUpdate(draw, plan.model.parameterCount)
    return { ok: true, ...made, update: evaluateOnly ? made.update.fill(0) : made.update }
  },
}

/** Resolves when it is in the channel, from where it arrives even if this process is killed next. */
function tell(trained: Trained): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.send === undefined) resolve()
    else process.send(trained, (error: Error | null) => (error === null ? resolve() : reject(error)))
  })
}

const stop = new AbortController()
function askToStop(): void {
  stop.abort(new Error('SIGTERM'))
  setTimeout(() => process.exit(0), STOP_LIMIT_MS).unref()
}
process.once('SIGTERM', askToStop)
// Nobody is left to ask.
process.once('disconnect', askToStop)
// Ctrl-C reaches the whole foreground group; the harness decides what becomes of it.
process.on('SIGINT', () => {})

const log = openLog({ name: 'participant', level: config.log.level })
await startParticipant({ config, log, stop: stop.signal, trainer })
process.removeAllListeners('disconnect')
if (process.connected) process.disconnect()
