/** Words from a peer, fit for a log line and a terminal: control characters replaced, length bounded. */
export function printable(text: string, maxLength: number): string {
  return text.slice(0, maxLength).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}
