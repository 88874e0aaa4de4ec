/** One thing that was tried and what was found, as `doctor` and `participant check` tell it. */
export interface Finding {
  readonly name: string
  readonly ok: boolean
  /** A missing optional thing fails nothing. */
  readonly isOptional: boolean
  readonly detail: string
}

/** `✓ runtime      Node 24…` */
export function findingLine({ name, ok, isOptional, detail }: Finding): string {
  const mark = ok ? '✓' : isOptional ? '–' : '✗'
  return `${mark} ${name.padEnd(12)} ${detail}`
}
