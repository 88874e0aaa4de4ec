/**
 * Run as a process: a real participant agent, but for its training, which gives fixed vectors at once. Arguments: the config
 * file and, if wanted, a drill. Stops at SIGTERM as the command does.
 */
import { identityFiles, readParticipantConfig } from '../../participant/config.ts'
import { startParticipant } from '../../participant/main.ts'
import type { Trainer } from '../../participant/trainer.ts'
import { openLog } from '../../shared/runtime/log.ts'
import { fileIdentitySource } from '../../shared/transport/file-identity-source.ts'
import { fixedUpdate } from './fixed-vectors.ts'

const [configPath = '', drill] = process.argv.slice(2)
const config = readParticipantConfig(configPath)
const own = fileIdentitySource(identityFiles(config))
const { spiffeId } = own.current()
own.close()
const trainer: Trainer = {
  train: async ({ plan, round, evaluateOnly }) => {
    const made = fixedUpdate(spiffeId, round, plan.model.parameterCount)
    return { ok: true, ...made, update: evaluateOnly ? made.update.fill(0) : made.update }
  },
}
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort(new Error('SIGTERM')))
const log = openLog({ name: 'participant', level: config.log.level })
await startParticipant({ config, log, stop: stop.signal, trainer, ...(drill === undefined ? {} : { drill }) })
