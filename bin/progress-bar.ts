/** One line on a terminal that is written over; nothing at all elsewhere. */

export interface ProgressBar {
  /** `fraction` from 0 to 1. */
  show(label: string, fraction: number): void
  /** Takes the line away. */
  clear(): void
}

const WIDTH = 30
const LEAST_MS_BETWEEN = 100

export function progressBar(stream: { readonly isTTY?: boolean; write(text: string): unknown }): ProgressBar {
  if (stream.isTTY !== true) return { show: () => {}, clear: () => {} }
  let shownAtMs = Number.NEGATIVE_INFINITY
  let isShown = false
  return {
    show(label, fraction) {
      const nowMs = performance.now()
      if (nowMs - shownAtMs < LEAST_MS_BETWEEN) return
      shownAtMs = nowMs
      isShown = true
      const full = Math.round(Math.max(0, Math.min(1, fraction)) * WIDTH)
      stream.write(`\r\u001b[K[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${label}`)
    },
    clear() {
      if (isShown) stream.write('\r\u001b[K')
      isShown = false
    },
  }
}
