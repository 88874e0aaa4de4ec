/** The coordinator as a process of its own, as the command runs it: `coordinator-child.ts CONFIG`. */
import { runCoordinator } from '../../../coordinator/main.ts'
import { ConfigError } from '../../../shared/errors.ts'

try {
  await runCoordinator(process.argv[2] ?? '')
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`${error.code}: ${error.message}\n`)
  process.exitCode = 1
}
