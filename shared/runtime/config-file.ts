/**
 * Reads a configuration file: YAML in, a typed value out. Keys standing twice and unknown keys are refused; every problem
 * is told at once, with the path of its field. Relative paths are relative to the file's folder.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { ConfigError } from '../errors.ts'
import { schemaProblems } from '../plan/plan-document.ts'

export interface ConfigFile<T> {
  readonly value: T
  /** Makes a path of the file absolute. */
  readonly resolvePath: (path: string) => string
}

/**
 * @throws ConfigError `config_unreadable` when there is no such file, `bad_config` with every problem when its content
 * does not fit the schema.
 */
export function readConfigFile<T extends z.ZodType>(path: string, schema: T): ConfigFile<z.infer<T>> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const problem = `${path} cannot be read: ${(cause as Error).message}; give the path of a configuration file`
    throw new ConfigError('config_unreadable', problem, { cause })
  }
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true })
  if (document.errors.length > 0) {
    throw new ConfigError(
      'bad_config',
      document.errors.map((error) => `${path}: ${error.message.split('\n')[0]}`),
    )
  }
  const parsed = schema.safeParse(document.toJS() ?? {})
  if (!parsed.success) throw new ConfigError('bad_config', schemaProblems(parsed.error, path))
  const folder = dirname(resolve(path))
  return { value: parsed.data, resolvePath: (relative) => resolve(folder, relative) }
}
