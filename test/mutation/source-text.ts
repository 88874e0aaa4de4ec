/**
 * Reads TypeScript as far as finding calls needs it: what is code and what is comment or string, which bracket closes
 * which. Not a grammar; the sources it reads are formatted by one tool, which it leans on for nothing but semicolons.
 */

/**
 * The source with the insides of comments, strings, templates and regular expressions blanked. Quotes and the code in
 * `${}` stay, so that every place in the result is the same place in the source.
 */
export function codeOnly(source: string): string {
  const out = [...Array(source.length)].map((_, place) => source.charAt(place))
  const blank = (from: number, to: number) => {
    for (let place = from; place < to; place += 1) if (out[place] !== '\n') out[place] = ' '
  }
  /** Both return the place after what they read. */
  const template = (from: number): number => {
    let at = from + 1
    while (at < source.length && source[at] !== '`') {
      if (source.startsWith('${', at)) {
        at = code(at + 2, true)
      } else {
        const next = source[at] === '\\' ? at + 2 : at + 1
        blank(at, next)
        at = next
      }
    }
    return at + 1
  }
  const code = (from: number, isInTemplate: boolean): number => {
    let at = from
    let depth = 0
    while (at < source.length) {
      const char = source.charAt(at)
      if (source.startsWith('//', at) || source.startsWith('/*', at)) {
        const end = endOfComment(source, at)
        blank(at, end)
        at = end
      } else if (char === "'" || char === '"') {
        const end = endOfQuoted(source, at)
        blank(at + 1, end - 1)
        at = end
      } else if (char === '`') {
        at = template(at)
      } else if (char === '/' && startsExpression(out.slice(0, at).join(''))) {
        const end = endOfRegularExpression(source, at)
        blank(at + 1, end - 1)
        at = end
      } else {
        if (char === '{') depth += 1
        if (char === '}') {
          if (depth === 0 && isInTemplate) return at + 1
          depth -= 1
        }
        at += 1
      }
    }
    return at
  }
  code(0, false)
  return out.join('')
}

/** The place of the bracket that closes the one at `open`, in text that {@link codeOnly} made. */
export function closingBracket(code: string, open: number): number {
  let depth = 0
  for (let at = open; at < code.length; at += 1) {
    if ('([{'.includes(code.charAt(at))) depth += 1
    if (')]}'.includes(code.charAt(at))) depth -= 1
    if (depth === 0) return at
  }
  throw new Error(`the bracket at ${open} is never closed`)
}

/** The place of the bracket that is still open just before `place`, or -1 at the top of the file. */
export function enclosingBracket(code: string, place: number): number {
  let depth = 0
  for (let at = place - 1; at >= 0; at -= 1) {
    if (')]}'.includes(code.charAt(at))) depth += 1
    if (!'([{'.includes(code.charAt(at))) continue
    if (depth === 0) return at
    depth -= 1
  }
  return -1
}

/** 1-based line of a place. */
export function lineOf(source: string, place: number): number {
  return source.slice(0, place).split('\n').length
}

function endOfComment(source: string, from: number): number {
  const isLine = source[from + 1] === '/'
  const end = source.indexOf(isLine ? '\n' : '*/', from + 2)
  if (end < 0) return source.length
  return isLine ? end : end + 2
}

function endOfQuoted(source: string, from: number): number {
  let at = from + 1
  while (at < source.length && source[at] !== source[from]) at += source[at] === '\\' ? 2 : 1
  return at + 1
}

function endOfRegularExpression(source: string, from: number): number {
  let at = from + 1
  let isInClass = false
  while (at < source.length && (source[at] !== '/' || isInClass)) {
    if (source[at] === '[') isInClass = true
    if (source[at] === ']') isInClass = false
    at += source[at] === '\\' ? 2 : 1
  }
  return at + 1
}

/** True when an expression begins after this code, so that a slash there is a regular expression and no division. */
function startsExpression(before: string): boolean {
  const trimmed = before.trimEnd()
  return trimmed === '' || /(?:[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void))$/.test(trimmed)
}
