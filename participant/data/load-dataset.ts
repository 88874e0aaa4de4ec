/**
 * Loads a site's data as its config names it and the plan describes it. The one door of this folder: files in, a
 * {@link Dataset} out, or an error that says which file, line and column to mend.
 */
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { ConfigError } from '../../shared/errors.ts'
import type { DataSpec } from '../../shared/plan/data-spec.ts'
import { examplesFromArrays } from './arrays.ts'
import { readCsvRows } from './csv-reader.ts'
import { type Dataset, type Split, splitDataset } from './dataset.ts'
import { readNpy } from './npy.ts'
import { readTabular } from './tabular.ts'

/** Where a site's data is. Paths are taken as given; the caller resolves them against the config file. */
export type DataSource =
  | { readonly format: 'csv'; readonly path: string }
  | { readonly format: 'npy'; readonly features: string; readonly labels: string }

export type DataConfig = DataSource &
  Split & {
    /** Largest file read, in bytes; default {@link DEFAULT_MAX_FILE_BYTES}. */
    readonly maxFileBytes?: number
  }

export const DEFAULT_MAX_FILE_BYTES = 2 * 1024 ** 3 - 1

/**
 * Reads, checks and splits a data set.
 *
 * @throws ConfigError with a code of the kind `dataset_…`, `csv_malformed`, `npy_malformed`, and every problem found.
 */
export async function loadDataset(config: DataConfig, spec: DataSpec): Promise<Dataset> {
  const maxBytes = config.maxFileBytes ?? DEFAULT_MAX_FILE_BYTES
  if (config.format === 'csv') {
    if (spec.kind !== 'tabular') throw formatMismatch('csv', 'arrays, which come as .npy files')
    await checkFile(config.path, maxBytes)
    const rows = readCsvRows(createReadStream(config.path), config.path)
    return splitDataset(await readTabular(rows, spec, config.path), config)
  }
  if (spec.kind !== 'arrays') throw formatMismatch('npy', 'a table, which comes as a .csv file')
  const [features, labels] = [await readArray(config.features, maxBytes), await readArray(config.labels, maxBytes)]
  return splitDataset(examplesFromArrays(features, labels, spec), config)
}

async function readArray(file: string, maxBytes: number) {
  await checkFile(file, maxBytes)
  return { ...readNpy(await readFile(file), file), file }
}

async function checkFile(path: string, maxBytes: number): Promise<void> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${cause.code})`
    throw new ConfigError('dataset_unreadable', `${path}: ${reason}; check the data path in the site's config`, {
      cause,
    })
  })
  if (!found.isFile()) throw new ConfigError('dataset_unreadable', `${path}: expected a file`)
  if (found.size > maxBytes) {
    const message = `${path}: the file has ${found.size} bytes, the site's limit is ${maxBytes} (maxFileBytes)`
    throw new ConfigError('dataset_too_large', message)
  }
}

function formatMismatch(format: string, expected: string): ConfigError {
  return new ConfigError('dataset_format_mismatch', `the site's data is ${format}, but the plan describes ${expected}`)
}
