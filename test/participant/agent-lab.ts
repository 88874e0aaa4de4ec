/** A real agent whose trainer a test scripts, before a coordinator that a test scripts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runAgent } from '../../participant/agent.ts'
import { openJournal } from '../../participant/journal.ts'
import { type KeptUpdates, keptUpdates } from '../../participant/kept-update.ts'
import { type PolicyConfig, policyFile } from '../../participant/policy/policy-file.ts'
import type { TrainedUpdate, Trainer, TrainerJob } from '../../participant/trainer.ts'
import { encodeHex, sha256 } from '../../shared/crypto/digest.ts'
import { cpuMaskEngine } from '../../shared/masks/cpu-engine.ts'
import type { Plan } from '../../shared/plan/plan.ts'
import { encodePlan, planDigest } from '../../shared/plan/plan-document.ts'
import { type PlanSignature, signPlan } from '../../shared/plan/plan-signature.ts'
import { systemRng } from '../../shared/random.ts'
import type {
  AdvertiseKeysRequest,
  Instruction,
  ReadyReport,
  ShareKeysRequest,
  WithdrawRequest,
} from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { planSignatureToWire } from '../../shared/wire/plan-signature.ts'
import { handIdentity, identityOf, NORTH_ID, SERVER_ID } from '../shared/transport/hello.ts'
import { logLines } from './log-lines.ts'
import { makePlan, modelBytes } from './plans.ts'
import { type AttendCall, closeScripted, idleBecause, startScripted } from './scripted-coordinator.ts'

export type Said =
  | { readonly kind: 'ready'; readonly report: ReadyReport }
  | { readonly kind: 'advertised'; readonly request: AdvertiseKeysRequest }
  | { readonly kind: 'shared'; readonly request: ShareKeysRequest }
  | { readonly kind: 'withdrew'; readonly request: WithdrawRequest }

export type Train = (job: TrainerJob, count: number) => ReturnType<Trainer['train']>

/** Who signs the lab's plans. */
export const AUTHOR_ID = 'spiffe://a.example/author/ada'

/** Another update every time. */
export function freshUpdate(parameterCount: number, count: number): TrainedUpdate {
  const scalars = { trainLossSum: 1, evalExamples: 1, evalLossSum: 1, evalCorrect: count }
  return { update: new Float32Array(parameterCount).fill(0.01), examples: 10, scalars }
}

const cleanups: (() => Promise<void> | void)[] = []

export async function startLab(
  options: {
    readonly plan?: Plan
    /** What comes beside the plan; by default the author's signature. */
    readonly signature?: PlanSignature | null
    readonly policy?: Partial<PolicyConfig>
    readonly train?: Train
    readonly basis?: () => string
    /** Stands before the real file of the kept update. */
    readonly updates?: (real: KeptUpdates) => KeptUpdates
  } = {},
) {
  const plan = options.plan ?? makePlan()
  const document = encodePlan(plan)
  const planDigestBytes = planDigest(document)
  const blobs = new Map([document, modelBytes].map((bytes) => [encodeHex(sha256(bytes)), bytes]))
  const { signature = signPlan(planDigestBytes, identityOf(AUTHOR_ID), Date.now()) } = options
  const planSignature = signature === null ? undefined : planSignatureToWire(signature)
  const downloads: string[] = []
  const said: Said[] = []
  const waiting = new Set<() => void>()
  const hear = (one: Said) => {
    said.push(one)
    for (const look of [...waiting]) look()
  }
  let stream: AttendCall | null = null
  // As a coordinator does: whoever attends is told where it stands.
  let standing: Instruction = idleBecause('wait')
  const script: Parameters<typeof startScripted>[0] = {
    // One for all its lives: a certificate made after a test has moved the clock would not be valid yet.
    identity: identityOf(SERVER_ID),
    attend: (call) => {
      stream = call
      tell(standing)
    },
    calls: {
      download: (call) => {
        const digest = encodeHex(call.request.digest)
        const data = blobs.get(digest)
        downloads.push(data === document ? 'plan' : 'model')
        const beside = data === document ? planSignature : undefined
        if (data !== undefined) call.write({ totalBytes: data.length, data, planSignature: beside })
        call.end()
      },
      reportReady: (call, reply) => {
        hear({ kind: 'ready', report: call.request })
        reply(null, { repeated: false })
      },
      advertiseKeys: (call, reply) => {
        hear({ kind: 'advertised', request: call.request })
        reply(null, { repeated: false })
      },
      shareKeys: (call, reply) => {
        hear({ kind: 'shared', request: call.request })
        reply(null, { repeated: false })
      },
      withdraw: (call, reply) => {
        hear({ kind: 'withdrew', request: call.request })
        reply(null, { repeated: false })
      },
    },
  }
  let server = await startScripted(script)
  const tell = (instruction: Instruction) => {
    standing = instruction
    stream?.write(instruction)
  }

  const folder = mkdtempSync(join(tmpdir(), 'agent-'))
  const output = logLines()
  const train: Train =
    options.train ?? (async ({ plan: { model } }, count) => ({ ok: true, ...freshUpdate(model.parameterCount, count) }))
  let trainings = 0
  const { basis, updates = (real: KeptUpdates) => real } = options
  const begin = () => {
    const journalPath = join(folder, 'journal.sqlite')
    const journal = openJournal(journalPath)
    const stop = new AbortController()
    const done = runAgent({
      config: {
        coordinator: { address: server.address, spiffeId: SERVER_ID },
        policy: policyFile.parse({ planAuthors: [AUTHOR_ID], ...options.policy }),
        data: { default: { format: 'npy', features: '', labels: '', holdOut: 0, seed: 1, maxFileBytes: 1 } },
      },
      identity: handIdentity(identityOf(NORTH_ID)),
      journal,
      trainer: { train: (job) => train(job, trainings++), ...(basis === undefined ? {} : { basis }) },
      updates: updates(keptUpdates({ folder, journal, log: output.log })),
      engine: cpuMaskEngine(),
      rng: systemRng,
      drill: { reach: async () => {} },
      log: output.log,
      stop: stop.signal,
    })
    const end = async () => {
      stop.abort(new Error('the test is over'))
      await done
    }
    return { journal, end }
  }
  let agent = begin()
  cleanups.push(async () => {
    await agent.end()
    agent.journal.close()
    rmSync(folder, { recursive: true })
  })
  await output.until(({ msg }) => msg === 'attending')
  return {
    ...output,
    folder,
    get journal() {
      return agent.journal
    },
    said,
    /** What the agent asked for, in order: "plan" or "model". */
    downloads,
    tell,
    end: () => agent.end(),
    /** Stops the agent and, after `meanwhile`, starts it on the same folder. */
    again: async (meanwhile: () => void = () => {}) => {
      await agent.end()
      agent.journal.close()
      meanwhile()
      agent = begin()
    },
    trainings: () => trainings,
    digests: { planDigest: planDigestBytes, modelDigest: sha256(modelBytes) },
    /** The coordinator goes away and, after `meanwhile`, comes back to the same address. */
    outage: async (meanwhile: () => Promise<unknown>) => {
      const { port } = server
      await server.close()
      await meanwhile()
      server = await startScripted({ ...script, port })
    },
    /** Breaks the stream off; the agent attends again. */
    cut: () => stream?.end(),
    /** The `count`-th thing of this kind that the agent said, now or later. */
    heard: <K extends Said['kind']>(kind: K, count = 1) =>
      new Promise<Extract<Said, { kind: K }>>((resolve) => {
        const look = () => {
          const found = said.filter((one): one is Extract<Said, { kind: K }> => one.kind === kind)[count - 1]
          if (found === undefined) return
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
    prepare: (changes: object = {}, round = 1, runId = 'run') =>
      tell({
        runId,
        round,
        sessionId: new Uint8Array(0),
        step: {
          $case: 'prepare',
          value: {
            planDigest: planDigestBytes,
            modelDigest: sha256(modelBytes),
            version: 0,
            attempt: 1,
            ...changes,
          },
        },
      }),
    session: (sessionId: Uint8Array, step: Instruction['step'] = undefined, round = 1) =>
      tell({
        runId: 'run',
        round,
        sessionId,
        step: step ?? {
          $case: 'advertiseKeys',
          value: { planDigest: planDigestBytes, modelDigest: sha256(modelBytes), version: 0 },
        },
      }),
  }
}

export async function closeLabs(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  await closeScripted()
}
