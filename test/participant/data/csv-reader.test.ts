/** RFC 4180, cut into chunks anywhere, and what is refused with its line. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CsvRow, readCsvRows } from '../../../participant/data/csv-reader.ts'

async function rowsOf(text: string | Uint8Array, chunkLength = 7): Promise<CsvRow[]> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += chunkLength) chunks.push(bytes.subarray(at, at + chunkLength))
  const rows: CsvRow[] = []
  for await (const row of readCsvRows(chunks, 'site.csv')) rows.push(row)
  return rows
}

const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`

describe('readCsvRows', () => {
  test('reads quotes, doubled quotes, line breaks in cells, CRLF, a byte order mark and a last line without end', async () => {
    const rows = await rowsOf('\ufeffa,b\r\n"x, ""y""","two\nlines"\r\n\r\n,\n1,"2"')
    expect(rows).toEqual([
      { cells: ['a', 'b'], line: 1 },
      { cells: ['x, "y"', 'two\nlines'], line: 2 },
      { cells: ['', ''], line: 5 },
      { cells: ['1', '2'], line: 6 },
    ])
  })

  test('reads back whatever was quoted, in chunks of any length', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '"', ',', '\n', '\r', ' ') })
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 3 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 9 }), async (cells, chunkLength) => {
        const text = cells.map((row) => row.map(quote).join(',')).join('\r\n')
        expect((await rowsOf(text, chunkLength)).map((row) => row.cells)).toEqual(cells)
      }),
    )
  })

  test.each([
    ['a quote inside a cell', 'a,b\n1,2"3\n', /site\.csv, line 2: a quote stands inside/],
    ['text after a quote', 'a\n"x"y\n', /line 2: text after a closing quote/],
    ['a quote left open', 'a\n"x\ny', /the quote opened in the row of line 2 is never closed/],
    ['a lone carriage return', 'a\rb\n', /line 1: a carriage return stands alone/],
    ['Latin-1', Uint8Array.of(0x61, 0x0a, 0xe9, 0x0a), /near line \d: not valid UTF-8/],
  ])('refuses %s', async (_, text, message) => {
    await expect(rowsOf(text)).rejects.toThrow(expect.objectContaining({ code: 'csv_malformed' }))
    await expect(rowsOf(text)).rejects.toThrow(message)
  })
})
