/**
 * Splits labelled examples unevenly between sites, the way federated-learning papers do (Hsu, Qi and Brown, 2019): for
 * each class, the sites' portions are drawn from a Dirichlet distribution. Small α means strong skew.
 */
import { ConfigError } from '../../shared/errors.ts'
import { gaussian, seededUniform, shuffle } from '../../shared/onnx/seeded-numbers.ts'

export type DirichletSplit = {
  readonly labels: ArrayLike<number>
  readonly sites: number
  /** Concentration, above zero; 0.5 is a usual choice. */
  readonly alpha: number
  readonly seed: number
  /** Every site gets at least so many; draws that give fewer are thrown away. */
  readonly minExamples: number
}

const MAX_DRAWS = 1000

/**
 * Indices of `labels` per site, each sorted; every index is in exactly one site.
 *
 * @throws ConfigError `split_impossible` when no draw gives every site `minExamples`.
 */
export function dirichletSplit({ labels, sites, alpha, seed, minExamples }: DirichletSplit): Uint32Array[] {
  const uniform = seededUniform(seed)
  const byClass = new Map<number, number[]>()
  for (let i = 0; i < labels.length; i++) {
    const members = byClass.get(labels[i]!)
    if (members) members.push(i)
    else byClass.set(labels[i]!, [i])
  }
  for (let draw = 0; draw < MAX_DRAWS && sites * minExamples <= labels.length; draw++) {
    const split = drawSplit([...byClass.values()], sites, alpha, uniform)
    if (split.every((indices) => indices.length >= minExamples))
      return split.map((list) => Uint32Array.from(list).sort())
  }
  throw new ConfigError(
    'split_impossible',
    `${labels.length} examples could not be split between ${sites} sites with at least ${minExamples} each`,
  )
}

function drawSplit(classes: number[][], sites: number, alpha: number, uniform: () => number): number[][] {
  const split: number[][] = Array.from({ length: sites }, () => [])
  for (const members of classes) {
    const order = shuffle(members.slice(), uniform)
    const portions = Array.from({ length: sites }, () => gamma(alpha, uniform))
    const total = portions.reduce((a, b) => a + b, 0)
    let [start, share] = [0, 0]
    for (const [site, portion] of portions.entries()) {
      share += portion / total
      const end = site === sites - 1 ? order.length : Math.min(order.length, Math.round(share * order.length))
      split[site]!.push(...order.slice(start, end))
      start = end
    }
  }
  return split
}

/** A gamma-distributed number of the given shape and scale one (Marsaglia and Tsang, 2000). */
function gamma(shape: number, uniform: () => number): number {
  if (shape < 1) return gamma(shape + 1, uniform) * (1 - uniform()) ** (1 / shape)
  const normal = gaussian(uniform)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal()
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - uniform()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v
  }
}
