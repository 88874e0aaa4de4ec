/** Reads another process's resident memory where the system tells (Linux); elsewhere the child reports its own. */
import { readFile } from 'node:fs/promises'

/** Resident bytes of process `pid`, or undefined where the system does not say or the process is gone. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined)
  const kilobytes = status && /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  return kilobytes ? Number(kilobytes) * 1024 : undefined
}

/** Polls `pid` every `intervalMs` and calls `exceeded` once when it holds more than `maxBytes`; returns the stop. */
export function watchMemory(
  pid: number,
  options: { readonly maxBytes: number; readonly intervalMs: number; readonly exceeded: (bytes: number) => void },
): () => void {
  let stopped = false
  const poll = async () => {
    const bytes = await residentBytes(pid)
    if (stopped) return
    if (bytes !== undefined && bytes > options.maxBytes) {
      stopped = true
      options.exceeded(bytes)
      return
    }
    timer = setTimeout(poll, options.intervalMs)
  }
  let timer = setTimeout(poll, options.intervalMs)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
