/** The Attend call: an open stream is what makes a participant connected. */
import type { handleServerStreamingCall } from '@grpc/grpc-js'
import type { Log } from '../../shared/runtime/log.ts'
import { peerSpiffeId } from '../../shared/transport/peer-connection.ts'
import type { AttendRequest, Instruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { refusalToStatus } from '../../shared/wire/status.ts'
import type { Attendance } from '../attendance/attendance.ts'
import { toStatus } from './call-errors.ts'
import { checkFirstCall } from './first-call.ts'

export function attendHandler(attendance: Attendance, log: Log): handleServerStreamingCall<AttendRequest, Instruction> {
  return (call) => {
    call.on('error', () => undefined)
    try {
      checkFirstCall(call.request)
      const from = peerSpiffeId(call)
      const detach = attendance.attach(from, {
        send: (instruction) => void call.write(instruction),
        end: (code, why) => void call.emit('error', refusalToStatus(code, why)),
      })
      log.info({ participant: from, version: call.request.softwareVersion }, 'participant attends')
      let isAttending = true
      const leave = () => {
        if (!isAttending) return
        isAttending = false
        detach()
        log.info({ participant: from }, 'participant has gone')
      }
      call.once('cancelled', leave)
      call.once('close', leave)
      if (call.cancelled) leave()
    } catch (error) {
      call.emit('error', toStatus(error, log))
    }
  }
}
