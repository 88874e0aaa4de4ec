/** What the search finds in sources made for it, and what the mutants of them do. */
import { describe, expect, test } from 'vitest'
import { codeProblems, unionMembers } from './codes.ts'
import { findMutants, type Mutant } from './find-refusals.ts'
import { mutate } from './mutate.ts'

const IMPORT = "import { refuse, refuseIf } from '../../shared/protocol/refusal.ts'\n"

/** The mutants of a file of the given text, and the text of each. */
function mutantsOf(text: string, file = 'participant/protocol/made-up.ts') {
  const source = IMPORT + text
  const mutants = findMutants(file, source)
  return { mutants, texts: mutants.map((mutant) => mutate(source, mutant).slice(IMPORT.length)) }
}

describe('a refusal', () => {
  test('of one line never refuses, its arguments are still evaluated', () => {
    const { mutants, texts } = mutantsOf(`refuseIf(a(), 'late', \`at \${b(')')}\`)`)
    expect(mutants).toMatchObject([{ kind: 'refusal', code: 'late', line: 2 }])
    expect(texts).toEqual([`void [a(), 'late', \`at \${b(')')}\`]`])
  })

  test('over several lines, with a trailing comma, brackets in strings and a comment', () => {
    const { mutants, texts } = mutantsOf("if (x) {\n  refuseIf(\n    a, // (\n    'late',\n    ')',\n  )\n}")
    expect(mutants).toMatchObject([{ code: 'late', line: 3 }])
    expect(texts).toEqual(["if (x) {\n  void [\n    a, // (\n    'late',\n    ')',\n  ]\n}"])
  })

  test('with one code or another, or with a code that is a variable', () => {
    const { mutants } = mutantsOf("refuse(a === 'b' ? 'late' : 'wrong_stage', '')\nrefuse(code, '')")
    expect(mutants.map(({ code }) => code)).toEqual(['late|wrong_stage', 'code'])
  })

  test('under an if falls through, with or without return', () => {
    const { texts } = mutantsOf("function f() {\n  if (a) return refuse('late', b)\n  return c\n}")
    expect(texts).toEqual(["function f() {\n  if (a) void ['late', b]\n  return c\n}"])
    expect(mutantsOf("if (a) refuse('late', b)").texts).toEqual(["if (a) void ['late', b]"])
    expect(mutantsOf("const d = c ?? refuse('late', b)").texts).toEqual(["const d = c ?? void ['late', b]"])
  })

  test('thrown by hand goes on as well', () => {
    const source = "import { Refusal } from './svid-refusal.ts'\nif (a) throw new Refusal('expired', b)\n"
    const [mutant, ...others] = findMutants('shared/identity/made-up.ts', source)
    expect(others).toEqual([])
    expect(mutant).toMatchObject({ kind: 'refusal', code: 'expired', line: 2 })
    expect(mutate(source, mutant as Mutant)).toContain("if (a) void new Refusal('expired', b)\n")
  })

  test('of the same name from elsewhere is none, nor is a method, a definition, a comment or a string', () => {
    const source = "import { refuseIf } from './other.ts'\nrefuseIf(a, 'late', b)\n"
    expect(findMutants('participant/protocol/made-up.ts', source)).toEqual([])
    const { mutants } = mutantsOf(
      "rule.refuse(a)\nfunction refuse(a) {}\n// refuse('late')\nf('refuse(a)', `refuseIf(a)`)",
    )
    expect(mutants).toEqual([])
  })

  test('under another name stops the search', () => {
    const source = "import { refuse as no } from '../../shared/protocol/refusal.ts'\n"
    expect(() => findMutants('participant/protocol/made-up.ts', source)).toThrow()
  })
})

describe('an abort', () => {
  const inCore = (text: string) => mutantsOf(text, 'coordinator/protocol/made-up.ts')

  test('under an if is left out', () => {
    const { mutants, texts } = inCore(
      "function f() {\n  if (a) {\n    const detail = b\n    return abort(s, 'too_few_shared', detail)\n  }\n}",
    )
    expect(mutants).toMatchObject([{ kind: 'abort', code: 'too_few_shared', line: 5 }])
    expect(texts[0]).toContain("    void abort(s, 'too_few_shared', detail)\n  }\n}")
  })

  test('at the end of a function gives back the session', () => {
    const { texts } = inCore("function f() {\n  return abort(next, 'cancelled', b)\n}")
    expect(texts).toEqual(["function f() {\n  return [next, 'cancelled', b][0]\n}"])
  })

  test('is looked for in the core only', () => {
    expect(mutantsOf("if (a) return abort(s, 'cancelled', b)", 'coordinator/rounds/made-up.ts').mutants).toEqual([])
  })
})

describe('a verdict', () => {
  test('under an if is not given', () => {
    const answers = ['false', 'null', "'a flaw'", `\`a \${b}\``, "none('size', c)", "{ kind: 'named', d }"]
    for (const answer of answers) {
      const { mutants, texts } = mutantsOf(`function check() {\n  if (a) return ${answer}\n  return good\n}`)
      expect(mutants).toMatchObject([{ kind: 'verdict', code: 'check', line: 3 }])
      expect(texts).toEqual([`function check() {\n  if (a) void ${answer}\n  return good\n}`])
    }
  })

  test('is a negative answer under an if, in a pure core', () => {
    expect(mutantsOf('function check() {\n  if (a) return true\n  return null\n}').mutants).toEqual([])
    expect(mutantsOf('for (;;) {\n  return null\n}').mutants).toEqual([])
    expect(mutantsOf('if (a) return null', 'shared/wire/made-up.ts').mutants).toEqual([])
  })
})

test('a mutant that is no program any more is an error, not a mutant', () => {
  const source = 'f(a)\n'
  const broken: Mutant = {
    file: 'a.ts',
    line: 1,
    kind: 'refusal',
    code: 'late',
    edits: [{ from: 0, to: 2, text: '' }],
  }
  expect(() => mutate(source, broken)).toThrow()
})

describe('the codes', () => {
  const source =
    "/** Why. */\nexport type Code =\n  // at once\n  | 'late'\n  | 'too_busy'\n\nexport type Other = 'a' | 'b'\n"
  const refusal = (code: string): Mutant => ({ file: 'a.ts', line: 1, kind: 'refusal', code, edits: [] })

  test('are read from the source of their type', () => {
    expect(unionMembers(source, 'Code')).toEqual(['late', 'too_busy'])
    expect(unionMembers(source, 'Other')).toEqual(['a', 'b'])
    expect(() => unionMembers(source, 'Missing')).toThrow()
  })

  test('are each raised somewhere, and are no more than the refusals', () => {
    expect(codeProblems(['late', 'too_busy'], [refusal('late|too_busy'), refusal('late')], [])).toEqual([])
    expect(codeProblems(['late', 'too_busy'], [refusal('late'), refusal('late')], ["end('too_busy')"])).toEqual([])
    expect(codeProblems(['late', 'too_busy'], [refusal('late'), refusal('late')], [])).toHaveLength(1)
    expect(codeProblems(['late', 'too_busy'], [refusal('late|too_busy')], [])).toHaveLength(1)
    expect(codeProblems(['late'], [{ ...refusal('late'), kind: 'verdict' }], [])).toHaveLength(1)
  })
})
