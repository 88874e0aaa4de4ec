/**
 * JSON with every key at most once per object. `JSON.parse` keeps the last of two equal keys, so two readers of one
 * signed or trusted file could see two things; here the second is an error.
 */

export type StrictJsonResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string }

/** Strings, brackets and commas: all that matters of a text already known to be JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g

/** Parses `text`, refusing whatever is not JSON and any object with a key twice (compared after unescaping). */
export function parseStrictJson(text: string): StrictJsonResult {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) }
  }
  const repeated = findRepeatedKey(text)
  return repeated === null
    ? { ok: true, value }
    : { ok: false, message: `key ${JSON.stringify(repeated)} stands twice` }
}

function findRepeatedKey(text: string): string | null {
  const open: (Set<string> | null)[] = []
  let lastString = ''
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(null)
    else if (token === '}' || token === ']') open.pop()
    else if (token.startsWith('"')) lastString = token
    else if (token === ':') {
      const key = String(JSON.parse(lastString))
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
    }
  }
  return null
}
