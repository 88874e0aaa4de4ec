/**
 * Finds what can be taken out of a source file, one mutant each: every refusal of the protocol and of a certificate, and in
 * the pure cores every abort of a session and every negative answer under an `if`.
 */
import { posix } from 'node:path'
import { closingBracket, codeOnly, enclosingBracket, lineOf } from './source-text.ts'

export interface Mutant {
  readonly file: string
  readonly line: number
  readonly kind: 'refusal' | 'abort' | 'verdict'
  /** The codes it can raise, joined by `|`; of a verdict the function that gives it. */
  readonly code: string
  /** Replacements that take it out: places in the source, in rising order. */
  readonly edits: readonly { readonly from: number; readonly to: number; readonly text: string }[]
}

/** What refuses, by the module it comes from: the place of the code among its arguments. */
const REFUSING: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'shared/protocol/refusal.ts': { refuseIf: 1, refuse: 0, ProtocolError: 0 },
  'shared/identity/svid-refusal.ts': { refuseIf: 1, Refusal: 0 },
}
const ABORTS = /^coordinator\/protocol\//
const VERDICTS = /^(participant|coordinator|shared)\/protocol\//
/** A negative answer: nothing, no, a flaw in words, a bound that broke, a culprit. */
const NEGATIVE = /\breturn (?=(?:null|false|none\(|['"`]|\{ (?:kind: 'named'|ok: false)))/g

/** Answers that only look negative, or that no input brings about, by file and function. */
const NO_VERDICT: Readonly<Record<string, string>> = {
  'coordinator/protocol/repeats.ts compare': 'null says that nothing was recorded',
  'coordinator/protocol/stage4-reveal-shares.ts matchesCommitment': 'stage 1 took no deal without this leaf',
}

/** Every mutant of one file, in the order of its lines. `file` is relative to the root, with forward slashes. */
export function findMutants(file: string, source: string): Mutant[] {
  const code = codeOnly(source)
  const found = [...refusals(file, source, code)]
  if (ABORTS.test(file)) found.push(...aborts(file, source, code))
  if (VERDICTS.test(file)) found.push(...verdicts(file, source, code))
  return found.sort((a, b) => (a.edits[0]?.from ?? 0) - (b.edits[0]?.from ?? 0))
}

function* refusals(file: string, source: string, code: string): Generator<Mutant> {
  for (const [name, place] of refusingNames(file, source)) {
    const isClass = /^[A-Z]/.test(name)
    const calls = isClass
      ? new RegExp(`\\bthrow new ${name}\\s*\\(`, 'g')
      : new RegExp(`(?<![.\\w])${name}\\s*\\(`, 'g')
    for (const call of code.matchAll(calls)) {
      if (/\bfunction\s*$/.test(code.slice(0, call.index))) continue
      const open = call.index + call[0].length - 1
      const close = closingBracket(code, open)
      const text = argument(source, code, { open, close, place })
      const returned = /\breturn\s*$/.exec(code.slice(0, call.index))
      const from = returned === null ? call.index : returned.index
      yield {
        file,
        line: lineOf(source, call.index),
        kind: 'refusal',
        code: codesIn(text),
        edits: isClass
          ? [{ from: call.index, to: call.index + 'throw'.length, text: 'void' }]
          : [
              { from, to: open + 1, text: 'void [' },
              { from: close, to: close + 1, text: ']' },
            ],
      }
    }
  }
}

/** Under an `if` the session goes on; at the end of a function it is given back as it was. */
function* aborts(file: string, source: string, code: string): Generator<Mutant> {
  for (const call of code.matchAll(/\breturn abort\(/g)) {
    const open = call.index + call[0].length - 1
    const close = closingBracket(code, open)
    const givenBack = [
      { from: open - 'abort'.length, to: open + 1, text: '[' },
      { from: close, to: close + 1, text: '][0]' },
    ]
    yield {
      file,
      line: lineOf(source, call.index),
      kind: 'abort',
      code: codesIn(argument(source, code, { open, close, place: 1 })),
      edits: isUnderIf(code, call.index) ? [withoutReturn(call.index)] : givenBack,
    }
  }
}

function* verdicts(file: string, source: string, code: string): Generator<Mutant> {
  for (const answer of source.matchAll(NEGATIVE)) {
    if (!code.startsWith('return ', answer.index) || !isUnderIf(code, answer.index)) continue
    const named = [...code.slice(0, answer.index).matchAll(/\bfunction (\w+)/g)].at(-1)?.[1] ?? ''
    if (`${file} ${named}` in NO_VERDICT) continue
    const line = lineOf(source, answer.index)
    yield { file, line, kind: 'verdict', code: named, edits: [withoutReturn(answer.index)] }
  }
}

function withoutReturn(place: number) {
  return { from: place, to: place + 'return'.length, text: 'void' }
}

/** Names imported from a module that refuses, with the place of their code. */
function refusingNames(file: string, source: string): [string, number][] {
  const found: [string, number][] = []
  for (const [, names = '', from = ''] of source.matchAll(/import \{([^}]*)\} from '([^']+)'/g)) {
    const refusing = REFUSING[posix.join(posix.dirname(file), from)]
    if (refusing === undefined) continue
    for (const name of names.split(',').map((text) => text.trim())) {
      if (/\bas\b/.test(name)) throw new Error(`${file}: ${name} hides a refusal from this search`)
      const place = refusing[name]
      if (place !== undefined) found.push([name, place])
    }
  }
  return found
}

/** The text of one argument of a call. */
function argument(
  source: string,
  code: string,
  call: { readonly open: number; readonly close: number; readonly place: number },
): string {
  const starts = [call.open + 1]
  for (let at = call.open + 1; at < call.close; at += 1) {
    if ('([{'.includes(code.charAt(at))) at = closingBracket(code, at)
    if (code[at] === ',') starts.push(at + 1)
  }
  return source.slice(starts[call.place] ?? call.close, (starts[call.place + 1] ?? call.close + 1) - 1).trim()
}

/** The codes an argument can be, or the argument itself when it names none. */
function codesIn(text: string): string {
  const codes = [...text.matchAll(/(?<!=== )'([a-z0-9_]+)'/g)].map((match) => match[1])
  return codes.length > 0 ? codes.join('|') : text
}

/** True for a statement that is all there is to an `if` or `else`, or stands in the block of one. */
function isUnderIf(code: string, place: number): boolean {
  const before = code.slice(0, place).trimEnd()
  if (/\belse$/.test(before)) return true
  if (before.endsWith(')')) return isCondition(before)
  const block = enclosingBracket(code, place)
  const beforeBlock = code.slice(0, Math.max(block, 0)).trimEnd()
  return code[block] === '{' && (/\belse$/.test(beforeBlock) || isCondition(beforeBlock))
}

/** True when the code ends with `if (…)`. */
function isCondition(before: string): boolean {
  if (!before.endsWith(')')) return false
  const open = enclosingBracket(before, before.length - 1)
  return /\bif\s*$/.test(before.slice(0, open))
}
