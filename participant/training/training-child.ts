/**
 * Entry file of the training child process. In: one job over IPC. Out: progress, checkpoints, then one outcome. It has no secrets, no
 * network use of its own, and ends with its parent: a training that nobody waits for must not go on.
 */
import type { ChildJob, ChildMessage } from './child-messages.ts'
import { doJob } from './child-work.ts'

const send = (message: ChildMessage, then?: () => void) => {
  if (process.connected) process.send?.(message, undefined, {}, then)
}

process.on('disconnect', () => process.exit(0))
process.once('message', (job) => {
  // Safety: our own parent sends exactly one job; anything else fails in doJob as an outcome.
  void doJob(job as ChildJob, {
    progress: (progress) => send({ kind: 'progress', progress, residentBytes: process.memoryUsage.rss() }),
    checkpoint: (note) => send({ kind: 'checkpoint', note }),
  }).then((outcome) => send({ kind: 'outcome', outcome }, () => process.exit(0)))
})
