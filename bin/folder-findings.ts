/** What a check of a data folder found, for people: a line per check, and below it whatever is wrong or worth knowing. */
import type { FolderFinding } from '../coordinator/data-folder/finding.ts'

const MARKS = { ok: '✓', noted: '–', broken: '✗' } as const
const PROBLEMS_SHOWN = 20

export function folderFindingLines({ check, verdict, detail, problems }: FolderFinding): string {
  const more = problems.length - PROBLEMS_SHOWN
  const lines = [
    `${MARKS[verdict]} ${check.padEnd(14)} ${detail}`,
    ...problems.slice(0, PROBLEMS_SHOWN).map((problem) => `    ${problem}`),
    ...(more > 0 ? [`    and ${more} more, all of them with --json`] : []),
  ]
  return lines.join('\n')
}

/** One line in the end: whether the folder can be relied on. */
export function folderVerdict(findings: readonly FolderFinding[]): string {
  const broken = findings.filter(({ verdict }) => verdict === 'broken').length
  return broken === 0
    ? 'the data folder is whole'
    : `the data folder is not whole: see ✗ above (${broken} of ${findings.length} checks)`
}
