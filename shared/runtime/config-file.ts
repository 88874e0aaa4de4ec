/**
 * Reads a configuration file: YAML in, a typed value out. Keys standing twice and unknown keys are refused; every problem
 * is told at once, with the path of its field. Relative paths are relative to the file's folder.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { ConfigError } from '../errors.ts'
import { fieldWords } from '../field-words.ts'
import { configProblems } from './config-problems.ts'

export interface ConfigFile<T> {
  readonly value: T
  /** Makes a path of the file absolute. */
  readonly resolvePath: (path: string) => string
}

/** Behind the first few, a parser's complaints are about its own confusion. */
const SYNTAX_PROBLEMS_SHOWN = 3

/**
 * `what` names the kind of file in the refusal of one that is not there.
 * @throws ConfigError `config_unreadable` when there is no such file, `bad_config` with every problem when its content
 * does not fit the schema.
 */
export function readConfigFile<T extends z.ZodType>(
  path: string,
  schema: T,
  what = 'configuration',
): ConfigFile<z.infer<T>> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const problem = `${path} cannot be read: ${(cause as Error).message}; give the path of a ${what} file`
    throw new ConfigError('config_unreadable', problem, { cause })
  }
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true })
  if (document.errors.length > 0) {
    throw new ConfigError(
      'bad_config',
      document.errors
        .slice(0, SYNTAX_PROBLEMS_SHOWN)
        .map((error) => `${path}: ${(error.message.split('\n')[0] ?? '').replace(/:$/, '')}`),
    )
  }
  const parsed = schema.safeParse(document.toJS() ?? {}, { error: fieldWords })
  if (!parsed.success) throw new ConfigError('bad_config', configProblems(parsed.error, path))
  const folder = dirname(resolve(path))
  return { value: parsed.data, resolvePath: (relative) => resolve(folder, relative) }
}
