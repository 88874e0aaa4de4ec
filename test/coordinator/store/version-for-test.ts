/** Versions whose content follows from their number, so that half of one can be told from a whole one. */
import type { NewVersion } from '../../../coordinator/registry/versions.ts'

export function versionForTest(runId: string, version: number): NewVersion {
  const content = (what: string, bytes: number) => new Uint8Array(bytes).fill(what.charCodeAt(0) + version)
  return {
    runId,
    version,
    model: content('m', 200_000),
    provenance: content('p', 5000),
    sessionRecord: content('s', 5000),
    training: { examples: version, trainLoss: 1 / version },
    evaluation: { evalExamples: 10, evalLoss: version, evalAccuracy: 0.5 },
    event: {
      version,
      modelSha256: '00',
      survivors: 3,
      roster: 4,
      metrics: {},
      bytesUpPerSite: 1,
      float32Bytes: 4,
      seconds: 1,
    },
  }
}
