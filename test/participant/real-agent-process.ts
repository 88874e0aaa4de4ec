/** Run as a process: an agent as the command starts it, with its real training. Argument: the config file. */
import { runParticipant } from '../../participant/main.ts'

const [configPath = ''] = process.argv.slice(2)
await runParticipant(configPath)
