/** A session runner without a network, with real participants behind it, up to the moment at which they have to mask. */
import { Attendance } from '../../../coordinator/attendance/attendance.ts'
import { NO_DRILL } from '../../../coordinator/drill.ts'
import type { ReceivedMessage } from '../../../coordinator/protocol/session.ts'
import { SessionRunner } from '../../../coordinator/session-runner/session-runner.ts'
import { advertiseKeys, obey } from '../../../participant/protocol/session.ts'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import type { Instruction } from '../../../shared/protocol/messages.ts'
import { openLog } from '../../../shared/runtime/log.ts'
import { vectorLayout } from '../../../shared/vector/encoding.ts'
import { instructionFromWire } from '../../../shared/wire/from-wire.ts'
import {
  environmentOf,
  type Federation,
  NOW_MS,
  openFederation,
  type Site,
  setupOf,
} from '../../protocol/federation.ts'
import type { Identities } from '../../protocol/identities.ts'
import { MemoryJournal } from './memory-journal.ts'

/** A runner whose sites obey until they are told to mask; the first one hangs up at `leavesAt`. */
export async function beforeMasking(
  { identities, folder }: { readonly identities: Identities; readonly folder: string },
  leavesAt: Instruction['kind'] | null = null,
) {
  const federation = await openFederation({ size: identities.sites.length, identities, parameterCount: 8 })
  const begun = Date.now()
  const nowMs = () => NOW_MS + Date.now() - begun
  const attendance = new Attendance(nowMs)
  const isMasking = Promise.withResolvers<void>()
  const log = openLog({ name: 'test', level: 'silent' })
  const bundle = () => identities.bundle
  const { setup } = federation.coordinator
  const journal = new MemoryJournal(setup, { openedAtMs: nowMs(), deadlineAtMs: nowMs() + 20_000 })
  const tools = {
    attendance,
    engine: cpuMaskEngine(),
    bundle,
    spoolFolder: folder,
    checkpointBytes: 1e9,
    drill: NO_DRILL,
  }
  const runner = new SessionRunner(
    { ...tools, nowMs, log },
    {
      setup,
      journal,
      recorded: journal.recorded(),
      encoding: federation.encoding,
      stageDeadlineMs: 20_000,
      joinGraceMs: 100,
      version: 0,
      onProgress: ({ stage }) => stage === 'mask-input' && isMasking.resolve(),
    },
  )
  const [first] = federation.sites.keys()
  for (const site of federation.sites.values()) {
    const detach = attendance.attach(site.spiffeId, {
      send: ({ step }) => {
        const instruction = instructionFromWire(step)
        if (site.spiffeId === first && instruction?.kind === leavesAt) queueMicrotask(detach)
        else if (instruction !== null) queueMicrotask(() => obeyed(runner, federation, site, instruction))
      },
      end: () => {},
    })
  }
  const { packedBytes } = vectorLayout(federation.encoding)
  return { runner, journal, federation, first: first ?? '', packedBytes, isMasking: isMasking.promise }
}

function obeyed(runner: SessionRunner, federation: Federation, site: Site, instruction: Instruction): void {
  if (instruction.kind !== 'advertise-keys' && instruction.kind !== 'share-keys') return
  const environment = environmentOf(federation, site)
  const { session, effects } =
    site.session === null
      ? advertiseKeys(setupOf(federation, site), environment)
      : obey(site.session, instruction, environment)
  site.session = session
  for (const effect of effects) {
    // Safety: before it masks, a participant's core sends no contribution.
    if (effect.kind === 'send') void runner.deliver(site.spiffeId, effect.message as ReceivedMessage)
  }
}
