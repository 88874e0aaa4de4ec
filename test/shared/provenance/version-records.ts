/** Version records that need no session behind them, for the tests of encoders and signer. */
import type { VersionRecord } from '../../../shared/provenance/version-record.ts'

const SHA256 = '0123456789abcdef'.repeat(4)

/** Version 0 of some run. */
export function firstVersion(): VersionRecord {
  return {
    runId: 'run-1',
    runName: 'digits',
    coordinatorId: 'spiffe://blindsum.example/coordinator',
    softwareVersion: '0.1.0',
    version: 0,
    planDigest: new Uint8Array(32).fill(7),
    model: { name: 'model.onnx', sha256: SHA256, bytes: 12 },
    parent: null,
    session: null,
    aggregation: {
      rule: 'weighted-mean',
      inputBits: 16,
      modulusBits: 19,
      laneWidth: 32,
      lengthLanes: 1020,
      clipNorm: 10,
      laneRange: 1,
      minWeight: 1,
      maxWeight: 100_000,
      serverLearningRate: 1,
      minimumCohort: 3,
      gammaPpm: 200_000,
      deltaPpm: 200_000,
      colluders: 1,
      adversary: 'malicious',
      graph: 'auto',
      maxNeighbours: 1000,
    },
    metrics: {},
    startedAtMs: 1_767_614_400_000,
    finishedAtMs: 1_767_614_401_234,
  }
}

/** Version 3 of the same run, with two receipts. */
export function laterVersion(): VersionRecord {
  return {
    ...firstVersion(),
    version: 3,
    parent: { version: 2, modelSha256: SHA256, provenanceSha256: SHA256 },
    session: {
      recordSha256: SHA256,
      contextDigest: new Uint8Array(32).fill(1),
      rosterDigest: new Uint8Array(32).fill(2),
      rosterSize: 3,
      survivors: [1, 3],
      survivorsDigest: new Uint8Array(32).fill(3),
      receipts: [
        { spiffeId: 'spiffe://sites.example/site/east', sha256: SHA256 },
        { spiffeId: 'spiffe://sites.example/site/north', sha256: SHA256 },
      ],
    },
    metrics: { examples: 1200, trainLoss: 0.125, evalAccuracy: 0.9375 },
  }
}
