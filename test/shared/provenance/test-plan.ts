/** A small plan of five sites: C = 1, quorum 4, so that a session survives one dropout. */
import { sha256Hex } from '../../../shared/crypto/digest.ts'
import { type Plan, planDocument } from '../../../shared/plan/plan.ts'

/** The plan of the run that begins from `model`. */
export function testPlan(model: Uint8Array, trustDomain: string, participants: { minimumCohort?: number } = {}): Plan {
  return planDocument.parse({
    format: 'blindsum/plan/v1',
    name: 'digits',
    rounds: 3,
    participants: {
      enrolled: ['east', 'north', 'south', 'west', 'zenith'].map((site) => `spiffe://${trustDomain}/site/${site}`),
      minimumCohort: 3,
      ...participants,
    },
    data: { kind: 'arrays', shape: [784], classes: 10 },
    training: { loss: 'softmax-cross-entropy', localEpochs: 1, learningRate: 0.1 },
    aggregation: { inputBits: 16, clipNorm: 5 },
    model: {
      sha256: sha256Hex(model),
      graphSha256: 'ab'.repeat(32),
      bytes: model.length,
      parameterCount: 1000,
      frozen: [],
    },
  })
}
