/**
 * What tells one process from every other: host, boot of the host, pid, and when the process began. A pid alone comes again,
 * and a host name does after a reinstallation; a boot and a beginning do not. Linux says both; elsewhere they are empty.
 */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** Of the running kernel, the same in all containers on it; empty where the system has none. */
  readonly bootId: string
  /** When the process began, in ticks since the boot; empty where the system does not say. */
  readonly began: string
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, host: hostname(), bootId: bootId(), began: beginningOf(process.pid) }
}

/** True when that very process runs on this machine now; a process of another boot never does. */
export function isRunningHere({ pid, bootId: boot, began }: ProcessIdentity): boolean {
  return boot !== '' && boot === bootId() && began !== '' && began === beginningOf(pid)
}

function bootId(): string {
  return textOf('/proc/sys/kernel/random/boot_id').trim()
}

/** The 22nd field of the process's stat; the second is a name that may hold spaces and parentheses. */
function beginningOf(pid: number): string {
  const stat = textOf(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
