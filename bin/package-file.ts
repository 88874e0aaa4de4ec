/** Files that travel with the package, found from source (bin/) and from the built package (dist/bin/) alike. */
import { existsSync } from 'node:fs'

/** The URL of `path`, relative to the package's folder. */
export function packageFile(path: string): URL {
  const root = new URL('../', import.meta.url)
  return existsSync(new URL('package.json', root)) ? new URL(path, root) : new URL(`../${path}`, root)
}
