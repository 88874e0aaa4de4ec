/** The verifier's report for people and for scripts. */
import type { Link } from '../../shared/provenance/verify/link.ts'
import type { VerificationReport, VersionSummary } from '../../shared/provenance/verify/verify-version.ts'

/** One JSON object and a newline. `ok`, `version`, `links` and `firstBroken` are stable. */
export function reportAsJson(report: VerificationReport): string {
  return `${JSON.stringify(report)}\n`
}

/** The lineage, newest first, then the verdict: what broke first, or what was verified. */
export function reportAsText(report: VerificationReport, folder: string): string {
  const lines = report.lineage.map(lineageLine)
  const oldest = report.lineage.at(-1)
  if (oldest !== undefined && oldest.version > 0 && !report.ok) {
    lines.push(`  ? version ${oldest.version - 1} and older: not reached`)
  }
  if (report.receipts === 'not_checked' || report.receipts === 'waived') lines.push('receipts not checked')
  lines.push(report.firstBroken === null ? verified(report) : refused(report.firstBroken, folder))
  return `${lines.join('\n')}\n`
}

function lineageLine(summary: VersionSummary): string {
  const mark = summary.ok ? '✓' : '✗'
  const sites = summary.survivors === null ? 'initial model' : `${summary.survivors} of ${summary.rosterSize} sites`
  const model = `model ${summary.modelSha256.slice(0, 16)}`
  const time = new Date(summary.finishedAtMs).toISOString().replace('T', ' ').slice(0, 19)
  return `  ${mark} version ${String(summary.version).padEnd(4)} ${sites.padEnd(16)} ${model}  ${time} UTC`
}

function verified(report: VerificationReport): string {
  const history = `back to version 0, run ${report.run?.name}, built by ${report.run?.builder}`
  return `verified: version ${report.version}, ${history}`
}

function refused(link: Link, folder: string): string {
  const version = link.version === null ? '' : ` of version ${link.version}`
  const advice =
    link.code === 'receipts_not_checked' ? '\n  give --trust-bundle FILE, or --no-receipts to do without' : ''
  return `NOT VERIFIED: ${folder}\n  broken link: ${link.name}${version} (${link.code})\n  ${link.detail}${advice}`
}
