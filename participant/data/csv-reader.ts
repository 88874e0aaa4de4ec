/**
 * Reads CSV as RFC 4180 has it, chunk by chunk: quoted fields, doubled quotes, line breaks inside quotes, LF or CRLF. It
 * is stricter than most parsers on purpose (a quote inside an unquoted field, text after a closing quote and an unclosed
 * quote are errors with their line), because a site's administrator must learn of a broken file before it is trained on.
 */
import { TextDecoder } from 'node:util'
import { ConfigError } from '../../shared/errors.ts'

export type CsvRow = {
  readonly cells: readonly string[]
  /** Line of the file, from 1, on which the row starts. */
  readonly line: number
}

const MAX_ROW_CHARACTERS = 4 * 1024 * 1024

/** Yields the rows of a UTF-8 CSV text, blank lines skipped. `file` names it in errors. */
export async function* readCsvRows(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  file: string,
): AsyncGenerator<CsvRow> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const scanner = new RowScanner(file)
  for await (const chunk of chunks) {
    yield* scanner.push(decode(decoder, chunk, scanner))
  }
  yield* scanner.push(decode(decoder, undefined, scanner))
  yield* scanner.finish()
}

function decode(decoder: TextDecoder, chunk: Uint8Array | undefined, scanner: RowScanner): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode()
  } catch (cause) {
    const message = `${scanner.file}, near line ${scanner.line}: not valid UTF-8; save the file as UTF-8`
    throw new ConfigError('csv_malformed', message, { cause })
  }
}

type State = 'cell-start' | 'unquoted' | 'quoted' | 'quote-in-quoted' | 'carriage-return'

class RowScanner {
  readonly file: string
  line = 1
  #rowLine = 1
  #state: State = 'cell-start'
  #cells: string[] = []
  #cell = ''
  #rowCharacters = 0

  constructor(file: string) {
    this.file = file
  }

  *push(text: string): Generator<CsvRow> {
    for (const character of text) {
      if (++this.#rowCharacters > MAX_ROW_CHARACTERS) {
        this.#fail(`a row runs over ${MAX_ROW_CHARACTERS} characters; is a quote left open?`)
      }
      if (this.#step(character)) {
        const row = this.#endRow()
        if (row) yield row
      }
    }
  }

  *finish(): Generator<CsvRow> {
    if (this.#state === 'quoted') this.#fail(`the quote opened in the row of line ${this.#rowLine} is never closed`)
    const row = this.#endRow()
    if (row) yield row
  }

  /** Takes one character; true when it ended the row. */
  #step(character: string): boolean {
    if (character === '\n') this.line++
    switch (this.#state) {
      case 'quoted':
        if (character === '"') this.#state = 'quote-in-quoted'
        else this.#cell += character
        return false
      case 'quote-in-quoted':
        if (character !== '"') return this.#afterCell(character, 'text after a closing quote')
        this.#cell += '"'
        this.#state = 'quoted'
        return false
      case 'carriage-return':
        if (character !== '\n') this.#fail('a carriage return stands alone; expected line ends LF or CRLF')
        return true
      case 'cell-start':
        if (character !== '"') return this.#plain(character)
        this.#state = 'quoted'
        return false
      case 'unquoted':
        return this.#plain(character)
    }
  }

  #plain(character: string): boolean {
    if (character === ',' || character === '\r' || character === '\n') return this.#afterCell(character, '')
    if (character === '"') this.#fail('a quote stands inside an unquoted cell; quote the whole cell and double it')
    this.#cell += character
    this.#state = 'unquoted'
    return false
  }

  #afterCell(character: string, otherwise: string): boolean {
    if (character === ',') {
      this.#cells.push(this.#cell)
      this.#cell = ''
      this.#state = 'cell-start'
      return false
    }
    if (character === '\r') {
      this.#state = 'carriage-return'
      return false
    }
    if (character !== '\n') this.#fail(otherwise)
    return true
  }

  #endRow(): CsvRow | undefined {
    const blank = this.#cells.length === 0 && this.#cell === '' && this.#state !== 'quote-in-quoted'
    const row = { cells: [...this.#cells, this.#cell], line: this.#rowLine }
    this.#cells = []
    this.#cell = ''
    this.#state = 'cell-start'
    this.#rowCharacters = 0
    this.#rowLine = this.line
    return blank ? undefined : row
  }

  #fail(message: string): never {
    throw new ConfigError('csv_malformed', `${this.file}, line ${this.line}: ${message}`)
  }
}
