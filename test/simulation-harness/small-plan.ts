/** A plan small enough for tests, and what a test changes in it. */
import { DEFAULT_NETWORK } from '../../simulation/network.ts'
import type { SimulationPlan } from '../../simulation/plan.ts'

export function smallPlan(changes: Partial<SimulationPlan> = {}): SimulationPlan {
  const usual: SimulationPlan = {
    participants: 20,
    lanes: 1000,
    inputBits: 16,
    rounds: 1,
    dropout: 0,
    corrupt: 0,
    gammaPpm: 50_000,
    deltaPpm: 100_000,
    adversary: 'malicious',
    graph: 'auto',
    network: DEFAULT_NETWORK,
    seed: 7,
    threads: 2,
  }
  return { ...usual, ...changes }
}
