/** As much of an XML reader as our plots need: refuses what is not well formed, and gives the elements in order. */

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly depth: number
  /** The text in it, unescaped; '' where it has children. */
  text: string
}

const TAG = /<(?<end>\/?)(?<name>[a-zA-Z]+)(?<attributes>(?:\s+[a-zA-Z:-]+="[^"<>]*")*)\s*(?<empty>\/?)>/y
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

/** Throws where the text is no single well-formed element. */
export function readSvg(svg: string): readonly Element[] {
  const all: Element[] = []
  const open: Element[] = []
  let at = 0
  while (at < svg.length) {
    if (svg[at] !== '<') {
      const end = svg.indexOf('<', at) === -1 ? svg.length : svg.indexOf('<', at)
      const text = unescaped(svg.slice(at, end))
      const parent = open.at(-1)
      if (parent !== undefined && text.trim() !== '') parent.text += text
      else if (text.trim() !== '') throw new Error(`text outside of the root at ${at}`)
      at = end
      continue
    }
    TAG.lastIndex = at
    const found = TAG.exec(svg)?.groups
    if (found === undefined) throw new Error(`no tag at ${at}: ${svg.slice(at, at + 40)}`)
    at = TAG.lastIndex
    const { end, name = '', attributes = '', empty } = found
    if (end === '/') {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes something else`)
      continue
    }
    if (open.length === 0 && all.length > 0) throw new Error('a second root')
    const element = { name, attributes: readAttributes(attributes), depth: open.length, text: '' }
    all.push(element)
    if (empty !== '/') open.push(element)
  }
  if (open.length > 0 || all.length === 0) throw new Error('an element is not closed')
  return all
}

function readAttributes(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([a-zA-Z:-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [
    name,
    unescaped(value),
  ])
  const attributes = Object.fromEntries(pairs)
  if (Object.keys(attributes).length !== pairs.length) throw new Error(`an attribute comes twice: ${text}`)
  return attributes
}

function unescaped(text: string): string {
  return text.replace(/&([^;\s]*);?/g, (whole, name: string) => {
    const character = whole.endsWith(';') ? ENTITIES[name] : undefined
    if (character === undefined) throw new Error(`a bare ampersand: ${whole}`)
    return character
  })
}
