/** Tails in logarithms and floating point: good to a millionth of a bit, and nothing in common with the finder's integers. */

const log2Factorials = [0]

function log2Factorial(n: number): number {
  for (let next = log2Factorials.length; next <= n; next += 1) {
    log2Factorials.push((log2Factorials[next - 1] ?? 0) + Math.log2(next))
  }
  return log2Factorials[n] ?? 0
}

/** log2 of C(n, k); −∞ where there is no way. */
export function log2Binomial(n: number, k: number): number {
  if (k < 0 || k > n) return Number.NEGATIVE_INFINITY
  return log2Factorial(n) - log2Factorial(k) - log2Factorial(n - k)
}

/** log2 of the sum of powers of two. */
export function log2Sum(exponents: readonly number[]): number {
  const greatest = exponents.reduce((most, exponent) => Math.max(most, exponent), Number.NEGATIVE_INFINITY)
  if (greatest === Number.NEGATIVE_INFINITY) return greatest
  return greatest + Math.log2(exponents.reduce((sum, exponent) => sum + 2 ** (exponent - greatest), 0))
}

/** log2 of P[Hyp(total, marked, drawn) > limit]. */
export function log2Tail(
  { total, marked, drawn }: { readonly total: number; readonly marked: number; readonly drawn: number },
  limit: number,
): number {
  const terms: number[] = []
  for (let hits = limit + 1; hits <= Math.min(marked, drawn); hits += 1) {
    terms.push(log2Binomial(marked, hits) + log2Binomial(total - marked, drawn - hits) - log2Binomial(total, drawn))
  }
  return log2Sum(terms)
}
