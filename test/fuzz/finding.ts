/** What the fuzzer looks for: a broken promise, in words. */
export class Finding extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Finding'
  }
}

export function expectThat(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new Finding(promise)
}
