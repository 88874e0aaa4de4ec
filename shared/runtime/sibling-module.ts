/**
 * Finds the file of a worker or child process beside the calling module: `.ts` when run from source by type stripping,
 * `.js` in the built package. Import statements are rewritten by the compiler; file names in strings are not.
 */
export function siblingModule(importMetaUrl: string, relativeName: string): URL {
  const extension = new URL(importMetaUrl).pathname.endsWith('.ts') ? '.ts' : '.js'
  return new URL(`${relativeName}${extension}`, importMetaUrl)
}
