/** A ring whose order follows from the context alone: without the roster's fresh keys in it, a list runs the same way twice. */
import type * as graphs from '../../shared/protocol/neighbour-graph.ts'

export function inOrderOfContext(real: typeof graphs): typeof graphs {
  const neighbourGraph: typeof graphs.neighbourGraph = (parameters, { contextDigest }) =>
    real.neighbourGraph(parameters, { contextDigest, rosterDigest: contextDigest })
  return { ...real, neighbourGraph }
}
