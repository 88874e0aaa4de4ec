/**
 * Where everything lies in an exported folder:
 *   model/model.onnx            the version's model, alone in its folder
 *   provenance.sigstore.json    the version's provenance
 *   plan.json                   the plan document
 *   chain/0000.sigstore.json …  the provenance of every ancestor
 *   sessions/0001.json …        the session record of every version from 1 on, this one included
 * Paths use `/` and are relative to the folder. Trust anchors have no place in it: they come from the reader.
 */

export const MODEL_FOLDER = 'model/'
export const CHAIN_FOLDER = 'chain/'
export const SESSIONS_FOLDER = 'sessions/'
export const MODEL_PATH = 'model/model.onnx'
export const PROVENANCE_PATH = 'provenance.sigstore.json'
export const PLAN_PATH = 'plan.json'

/** The provenance of an ancestor version. */
export function chainPath(version: number): string {
  return `${CHAIN_FOLDER}${fourDigits(version)}.sigstore.json`
}

/** The session record of version 1 or later. */
export function sessionPath(version: number): string {
  return `${SESSIONS_FOLDER}${fourDigits(version)}.json`
}

/** Every file of an export of `version`. */
export function exportPaths(version: number): string[] {
  const ancestors = Array.from({ length: version }, (_, ancestor) => chainPath(ancestor))
  const sessions = Array.from({ length: version }, (_, place) => sessionPath(place + 1))
  return [MODEL_PATH, PROVENANCE_PATH, PLAN_PATH, ...ancestors, ...sessions]
}

/** True for paths in the folders whose whole content the provenance accounts for. */
export function isAccountedFor(path: string): boolean {
  return [MODEL_FOLDER, CHAIN_FOLDER, SESSIONS_FOLDER].some((folder) => path.startsWith(folder))
}

/** At least four digits, so that names sort up to version 9999. */
function fourDigits(version: number): string {
  return String(version).padStart(4, '0')
}
