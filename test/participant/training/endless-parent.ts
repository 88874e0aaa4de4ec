/** A process that trains without end, for a test that kills it. */
import { trainLocally } from '../../../participant/training/train-locally.ts'
import { denseClassifier } from '../../../shared/onnx/model-writer.ts'
import { blobs, TASK } from './training-fixtures.ts'

await trainLocally({
  model: denseClassifier({ layers: [2, 8, 3], activation: 'relu', seed: 1 }),
  task: { ...TASK, localEpochs: undefined, localSteps: 10_000_000 },
  data: blobs(),
  seed: 1,
})
