/** Computes what follows from `from` and `given` alone, or gives what was computed from the very same object and words before. */
export type Once = <T>(from: object, given: string, compute: () => T) => T

/** Computes every time. */
export const everyTime: Once = (_from, _given, compute) => compute()
