/** The system's common refusals in words; others as the system says them. */

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is nothing at that path',
  ENOTDIR: 'it, or a part of the path, is not a folder',
  EISDIR: 'it is a folder, a file was expected',
  EACCES: 'this user may not read it',
}

export function fileErrorWords(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return WORDS[code] ?? (error as Error).message
}
