/** The coordinator as a process of its own, as the command runs it: `coordinator-child.ts CONFIG [DRILL]`. */
import { runCoordinator } from '../../../coordinator/main.ts'
import { ConfigError } from '../../../shared/errors.ts'

try {
  const [configFile = '', drill] = process.argv.slice(2)
  await runCoordinator(configFile, drill === undefined ? {} : { drill })
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`${error.code}: ${error.message}\n`)
  process.exitCode = 1
}
