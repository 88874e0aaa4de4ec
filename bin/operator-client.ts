/**
 * The operator's side of the coordinator's second port: one connection, one method per call, every failure a ConfigError
 * that says what happened, why and what to do.
 */
import { type ClientReadableStream, Metadata, type ServiceError } from '@grpc/grpc-js'
import { ConfigError } from '../shared/errors.ts'
import type { PlanSignature } from '../shared/plan/plan-signature.ts'
import { WIRE_LABEL } from '../shared/protocol/label.ts'
import { fileIdentitySource } from '../shared/transport/file-identity-source.ts'
import { type MtlsChannel, mtlsChannel } from '../shared/transport/mtls-channel.ts'
import {
  type ExportPart,
  OperatorClient,
  type OperatorHelloReply,
  type RunEvent,
  type RunSummary,
  type SubmitPart,
  type VersionSummary,
} from '../shared/wire/generated/blindsum/v1/operator.ts'
import { planSignatureToWire } from '../shared/wire/plan-signature.ts'
import { refusalFromError } from '../shared/wire/status.ts'
import { failureWords } from './failure-words.ts'
import type { OperatorConnection } from './operator-options.ts'

const CALL_TIMEOUT_MS = 20_000
const SUBMIT_TIMEOUT_MS = 600_000
const CHUNK_BYTES = 1024 * 1024

/** Opens the connection, runs `work` and closes it, whatever happened. */
export async function withOperator<T>(
  connection: OperatorConnection,
  work: (operator: Operator) => Promise<T>,
): Promise<T> {
  const identity = fileIdentitySource(connection.identity)
  const channel = mtlsChannel({ address: connection.address, identity, expectedServerId: connection.serverId })
  const client = new OperatorClient(channel.target, channel.credentials, channel.options)
  try {
    return await work(new Operator(client, channel))
  } finally {
    client.close()
    identity.close()
  }
}

/** What a run is made of: a plan document, who answers for it, and the initial model's bytes. */
export interface Submission {
  readonly document: Uint8Array
  readonly signature: PlanSignature
  readonly modelBytes: Uint8Array
}

type Answer<Reply> = (error: ServiceError | null, reply: Reply) => void
type SteerCall = 'showRun' | 'pauseRun' | 'resumeRun' | 'cancelRun'

/** One open connection of an operator. */
export class Operator {
  readonly #client: OperatorClient
  readonly #channel: MtlsChannel

  constructor(client: OperatorClient, channel: MtlsChannel) {
    this.#client = client
    this.#channel = channel
  }

  /** As whom the coordinator knows us, its version, and which participants attend. */
  hello(softwareVersion: string): Promise<OperatorHelloReply> {
    return this.#unary((metadata, options, answer) =>
      this.#client.hello({ wireLabel: WIRE_LABEL, softwareVersion }, metadata, options, answer),
    )
  }

  /** Submits a signed plan document and its initial model. */
  async submit({ document, signature, modelBytes }: Submission): Promise<RunSummary> {
    let answered: Answer<RunSummary> = () => {}
    const reply = new Promise<RunSummary>((resolve, reject) => {
      answered = (error, summary) => (error === null ? resolve(summary) : reject(this.#refusal(error)))
    })
    const call = this.#client.submitRun(new Metadata(), { deadline: Date.now() + SUBMIT_TIMEOUT_MS }, answered)
    const send = async (part: SubmitPart['part']) => {
      if (!call.write({ part })) await new Promise((resolve) => call.once('drain', resolve))
    }
    const sending = async () => {
      const planSignature = planSignatureToWire(signature)
      await send({ $case: 'header', value: { wireLabel: WIRE_LABEL, plan: document, planSignature } })
      for (let at = 0; at < modelBytes.length; at += CHUNK_BYTES) {
        await send({ $case: 'model', value: modelBytes.subarray(at, at + CHUNK_BYTES) })
      }
      call.end()
    }
    // A refusal may come before all is sent; then nobody drains, and the reply alone counts.
    return await Promise.race([reply, sending().then(() => reply)])
  }

  /** All runs, newest last as the coordinator lists them. */
  async list(): Promise<readonly RunSummary[]> {
    const reply = await this.#unary<{ runs: RunSummary[] }>((metadata, options, answer) =>
      this.#client.listRuns({}, metadata, options, answer),
    )
    return reply.runs
  }

  show(run: string): Promise<RunSummary> {
    return this.#steer('showRun', run)
  }

  pause(run: string): Promise<RunSummary> {
    return this.#steer('pauseRun', run)
  }

  resume(run: string): Promise<RunSummary> {
    return this.#steer('resumeRun', run)
  }

  cancel(run: string): Promise<RunSummary> {
    return this.#steer('cancelRun', run)
  }

  /** The versions of a run, oldest first. */
  async versions(run: string): Promise<readonly VersionSummary[]> {
    const reply = await this.#unary<{ versions: VersionSummary[] }>((metadata, options, answer) =>
      this.#client.listVersions({ run }, metadata, options, answer),
    )
    return reply.versions
  }

  /** Every event after `afterEvent`, then live ones, until the run has ended. */
  watch(run: string, afterEvent: number): AsyncGenerator<RunEvent> {
    return this.#stream(() => this.#client.watchRun({ run, afterEvent }))
  }

  /** The files of one version's export, in parts. */
  exportVersion(run: string, version: string): AsyncGenerator<ExportPart> {
    return this.#stream(() => this.#client.exportVersion({ run, version }))
  }

  #steer(call: SteerCall, run: string): Promise<RunSummary> {
    return this.#unary((metadata, options, answer) => this.#client[call]({ run }, metadata, options, answer))
  }

  #unary<Reply>(
    call: (metadata: Metadata, options: { deadline: number }, answer: Answer<Reply>) => unknown,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      call(new Metadata(), { deadline: Date.now() + CALL_TIMEOUT_MS }, (error, reply) => {
        if (error === null) resolve(reply)
        else reject(this.#refusal(error))
      })
    })
  }

  /** Opens the stream when the first part is asked for: one that nobody reads is never called. */
  async *#stream<Part>(open: () => ClientReadableStream<Part>): AsyncGenerator<Part> {
    const call = open()
    // A failure after the reader has turned away, such as the connection's own end, concerns nobody.
    call.on('error', () => {})
    try {
      for await (const part of call) yield part as Part
    } catch (error) {
      throw this.#refusal(error as ServiceError)
    } finally {
      call.cancel()
    }
  }

  /** The coordinator's own refusal where it gave one, else what went wrong on the way. */
  #refusal(error: ServiceError): ConfigError {
    const refusal = refusalFromError(error)
    if (error.details.startsWith(`${refusal.code}: `)) {
      return new ConfigError(refusal.code, `the coordinator refused (${refusal.code}): ${refusal.message}`, {
        cause: error,
      })
    }
    const failure = this.#channel.explain(error)
    return new ConfigError(failure.code, failureWords(failure), { cause: error })
  }
}
