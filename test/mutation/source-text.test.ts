/** The reader of sources, on the texts that could mislead it. */
import { expect, test } from 'vitest'
import { closingBracket, codeOnly, enclosingBracket, lineOf } from './source-text.ts'

test('comments, strings, templates and regular expressions are blanked, place by place', () => {
  const cases: readonly [string, string][] = [
    ['f(1) // g(2)', 'f(1)        '],
    ['f(1) /* g(\n2) */ + 1', 'f(1)      \n      + 1'],
    [`f('a)\\'b', "c)")`, `f('     ', "  ")`],
    [`f(\`a \${g(\`b \${c}\`)} )\`, d)`, `f(\`  \${g(\`  \${c}\`)}  \`, d)`],
    [`f(\`\${{ a: 1 }} }\`)`, `f(\`\${{ a: 1 }}  \`)`],
    ['f(/[\'"`/]\\/(/.test(a))', 'f(/         /.test(a))'],
    ['a / b / c(d)', 'a / b / c(d)'],
    ['return /\\)/', 'return /  /'],
  ]
  for (const [source, code] of cases) expect(codeOnly(source)).toBe(code)
})

test('brackets are matched in both directions, and an open one is an error', () => {
  const code = 'f([1, { a: (2) }], 3) + g()'
  expect(closingBracket(code, 1)).toBe(20)
  expect(enclosingBracket(code, code.indexOf('2'))).toBe(code.indexOf('(2'))
  expect(enclosingBracket(code, code.indexOf('3'))).toBe(1)
  expect(enclosingBracket(code, code.indexOf('g'))).toBe(-1)
  expect(() => closingBracket('f(a', 1)).toThrow()
})

test('lines are counted from one', () => {
  expect([0, 1, 2, 3].map((place) => lineOf('a\nb\nc', place))).toEqual([1, 1, 2, 2])
})
