/** Text in an SVG: escaped, and broken into lines by an estimate of its width, for nobody knows the reader's fonts. Pure. */

/** Text for an element or an attribute; what XML 1.0 cannot hold at all becomes a space. */
export function escapedXml(text: string): string {
  return text
    .replace(UNREPRESENTABLE, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** All but tab, line ends and XML's characters; a half of a surrogate pair is none. */
const UNREPRESENTABLE = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu

/** About how wide a text is in a sans-serif font, on the wide side. */
export function textWidth(text: string, fontSize: number): number {
  return [...text].length * fontSize * 0.6
}

/** Words in lines no wider than that, one word at least in each; a no-break space does not part words. */
export function wrapped(text: string, fontSize: number, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(/[ \t\n]+/).filter(Boolean)) {
    const last = lines.at(-1)
    if (last !== undefined && textWidth(`${last} ${word}`, fontSize) <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
