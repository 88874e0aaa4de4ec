/** Why what was under way ends when the coordinator is asked to stop: nothing has failed, the next start goes on with it. */
export class CoordinatorStopping extends Error {
  constructor() {
    super('the coordinator is stopping')
    this.name = 'CoordinatorStopping'
  }
}
