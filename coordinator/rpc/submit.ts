/** The SubmitRun call: header with the plan, then the model in chunks, bounded by what the plan announced. */
import type { ServerReadableStream } from '@grpc/grpc-js'
import { ConfigError } from '../../shared/errors.ts'
import { refuse, refuseIf } from '../../shared/protocol/refusal.ts'
import type { RunSummary, SubmitPart } from '../../shared/wire/generated/blindsum/v1/operator.ts'
import { planSignatureFromWire } from '../../shared/wire/plan-signature.ts'
import { acceptRun, checkPlan, type SubmissionTools } from '../registry/submission.ts'
import { CallEnded } from './call-errors.ts'
import { checkLabel } from './first-call.ts'

export interface SubmitLimits {
  readonly planBytes: number
  readonly modelBytes: number
}

/** Returns the id of the new run. @throws ConfigError with everything wrong; ProtocolError for a malformed stream. */
export async function receiveSubmission(
  call: ServerReadableStream<SubmitPart, RunSummary>,
  from: string,
  { limits, submission }: { readonly limits: SubmitLimits; readonly submission: SubmissionTools },
): Promise<string> {
  const parts = call[Symbol.asyncIterator]() as AsyncIterator<SubmitPart>
  const first = await parts.next()
  if (first.done === true || first.value.part?.$case !== 'header') {
    return refuse('malformed', 'a submission begins with its header')
  }
  const header = first.value.part.value
  checkLabel(header.wireLabel, 'an operator')
  const planDocument = header.plan.slice()
  if (planDocument.length > limits.planBytes) {
    throw new ConfigError(
      'plan_too_large',
      `the plan has ${planDocument.length} bytes, at most ${limits.planBytes} are taken`,
    )
  }
  const signature = planSignatureFromWire(header.planSignature)
  const checked = await checkPlan({ document: planDocument, signature }, submission)
  const announced = checked.plan.model.bytes
  if (announced > limits.modelBytes) {
    throw new ConfigError(
      'model_too_large',
      `the model has ${announced} bytes, this coordinator takes at most ${limits.modelBytes} (limits.modelBytes)`,
    )
  }
  const model = new Uint8Array(announced)
  let received = 0
  for (;;) {
    const next = await parts.next()
    if (next.done === true) break
    const { part } = next.value
    if (part?.$case !== 'model') return refuse('malformed', 'after the header comes the model, in chunks')
    refuseIf(
      received + part.value.length > announced,
      'wrong_length',
      `the plan announced a model of ${announced} bytes`,
    )
    model.set(part.value, received)
    received += part.value.length
  }
  if (call.cancelled) throw new CallEnded('the operator hung up')
  return acceptRun({ checked, model: model.subarray(0, received), submittedBy: from }, submission)
}
