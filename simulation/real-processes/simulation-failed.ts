/** The simulation could not go on: a process ended unasked, or a command was refused. Its message is for people. */
import { ConfigError } from '../../shared/errors.ts'

export class SimulationFailed extends ConfigError {
  constructor(message: string, options?: ErrorOptions) {
    super('simulation_failed', message, options)
    this.name = 'SimulationFailed'
  }
}
