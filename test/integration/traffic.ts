/**
 * Everything that passes between a real coordinator in this process and its agents: seen, and where a test asks for it,
 * changed. What the coordinator is made to say or not to hear is how a test plays a malicious one.
 */
import { vi } from 'vitest'
import { Attendance, idle } from '../../coordinator/attendance/attendance.ts'
import type { ReceivedMessage } from '../../coordinator/protocol/session.ts'
import { SessionRunner } from '../../coordinator/session-runner/session-runner.ts'
import { UploadSpool } from '../../coordinator/session-runner/upload-spool.ts'
import { encodeHex } from '../../shared/crypto/digest.ts'
import type { Instruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'

export interface Heard {
  readonly session: string
  readonly from: string
  readonly message: ReceivedMessage
}

/** The masked bytes that one participant sent in one session, in all its streams together. */
export interface SeenUpload {
  readonly session: string
  readonly from: string
  bytes: Uint8Array
  /** Whether other bytes ever came in the place of these: a second masked input. */
  isTwofold: boolean
}

export interface Told {
  readonly to: string
  readonly session: string
  readonly instruction: Instruction
}

export class Traffic {
  readonly heard: Heard[] = []
  readonly uploads: SeenUpload[] = []
  /** Every instruction as the coordinator meant it, also those that were kept back. */
  readonly meant: Told[] = []
  /** Whether an instruction goes through to this participant, which is otherwise told to wait; set by a test. */
  passDown: (told: Told) => boolean = () => true
  /** Whether the coordinator gets to know of a message; set by a test. It is acknowledged all the same. */
  passUp: (heard: Heard) => boolean = () => true
  readonly #lines = new Map<string, (instruction: Instruction) => void>()
  readonly #waiting = new Set<() => void>()

  /** Begins to listen; the returned function ends it. */
  listen(): () => void {
    const mocks = [this.#watchDown(), this.#watchUp(), ...this.#watchUploads()]
    return () => {
      for (const mock of mocks) mock.mockRestore()
    }
  }

  /** Says this to a participant in the coordinator's name. */
  say(to: string, instruction: Instruction): void {
    this.#lines.get(to)?.(instruction)
  }

  /** What came from a participant in a session, in order, repeats included. */
  saidBy(from: string, session: string): readonly ReceivedMessage[] {
    return this.heard.filter((one) => one.from === from && one.session === session).map(({ message }) => message)
  }

  /** Resolves with what `find` gives once it gives something; looks again whenever anything passes. */
  until<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const look = () => {
        const found = find()
        if (found === undefined) return
        this.#waiting.delete(look)
        resolve(found)
      }
      this.#waiting.add(look)
      look()
    })
  }

  #passed(): void {
    for (const look of [...this.#waiting]) look()
  }

  #watchDown() {
    const traffic = this
    const { attach } = Attendance.prototype
    return vi.spyOn(Attendance.prototype, 'attach').mockImplementation(function (this: Attendance, to, stream) {
      traffic.#lines.set(to, (instruction) => stream.send(instruction))
      const send = (instruction: Instruction) => {
        const told = { to, session: encodeHex(instruction.sessionId), instruction }
        traffic.meant.push(told)
        stream.send(traffic.passDown(told) ? instruction : idle('kept back'))
        traffic.#passed()
      }
      return attach.call(this, to, { ...stream, send })
    })
  }

  #watchUp() {
    const traffic = this
    const { deliver } = SessionRunner.prototype
    return vi.spyOn(SessionRunner.prototype, 'deliver').mockImplementation(async function (
      this: SessionRunner,
      from,
      message,
    ) {
      const heard = { session: this.sessionId, from, message }
      traffic.heard.push(heard)
      const outcome = traffic.passUp(heard)
        ? await deliver.call(this, from, message)
        : ({ kind: 'accepted', repeated: false } as const)
      traffic.#passed()
      return outcome
    })
  }

  #watchUploads() {
    const traffic = this
    const { openUpload } = SessionRunner.prototype
    const { write } = UploadSpool.prototype
    const owners = new WeakMap<UploadSpool, SeenUpload>()
    const opened = vi.spyOn(SessionRunner.prototype, 'openUpload').mockImplementation(function (
      this: SessionRunner,
      from,
      totalBytes,
    ) {
      const place = openUpload.call(this, from, totalBytes)
      if (place !== null) owners.set(place.spool, traffic.#uploadOf(this.sessionId, from))
      return place
    })
    const written = vi.spyOn(UploadSpool.prototype, 'write').mockImplementation(function (
      this: UploadSpool,
      stream,
      offset,
      chunk,
    ) {
      const upload = owners.get(this)
      if (upload !== undefined) keep(upload, offset, chunk)
      traffic.#passed()
      return write.call(this, stream, offset, chunk)
    })
    return [opened, written]
  }

  #uploadOf(session: string, from: string): SeenUpload {
    const present = this.uploads.find((upload) => upload.session === session && upload.from === from)
    if (present !== undefined) return present
    const upload = { session, from, bytes: new Uint8Array(0), isTwofold: false }
    this.uploads.push(upload)
    return upload
  }
}

function keep(upload: SeenUpload, offset: number, chunk: Uint8Array): void {
  const known = upload.bytes.subarray(offset, offset + chunk.length)
  if (known.some((byte, place) => byte !== chunk[place])) upload.isTwofold = true
  if (offset + chunk.length <= upload.bytes.length) return
  const longer = new Uint8Array(offset + chunk.length)
  longer.set(upload.bytes)
  longer.set(chunk, offset)
  upload.bytes = longer
}
