/** A worker thread ended or failed while it was adding masks: what it worked on is worthless, the work can be begun anew. */
export class MaskThreadError extends Error {
  readonly code = 'mask_thread_failed'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MaskThreadError'
  }
}
