/**
 * What one model may still cost while it is decoded. A field of two bytes becomes an object of a hundred and more, so the
 * file's length alone bounds no memory: every field and every entry of a packed list is paid for here before it is made.
 */
import { ConfigError } from '../errors.ts'
import type { DecodeLimits } from './decode-limits.ts'

/** One model's account; it is spent from, never refilled. */
export type DecodeBudget = {
  readonly limits: DecodeLimits
  /** Length of the whole file. */
  readonly fileBytes: number
  elementsLeft: number
  /** Bytes that typed tensor data may still take in raw form. */
  typedBytesLeft: number
}

/** A fresh budget for a file of `fileBytes` bytes. */
export function openBudget(limits: DecodeLimits, fileBytes: number): DecodeBudget {
  return {
    limits,
    fileBytes,
    elementsLeft: limits.maxElements,
    typedBytesLeft: fileBytes + limits.maxTypedDataGrowthBytes,
  }
}

/**
 * Pays for `count` fields or list entries; call it before making them.
 *
 * @throws ConfigError `model_too_large` when the model has more than `limits.maxElements` of them.
 */
export function spendElements(budget: DecodeBudget, count: number): void {
  budget.elementsLeft -= count
  if (budget.elementsLeft >= 0) return
  const { maxElements } = budget.limits
  throw new ConfigError(
    'model_too_large',
    `model has more than ${maxElements} fields and list entries (maxElements); weights belong in raw_data`,
  )
}

/**
 * Pays for `bytes` of raw form made from typed data; call it before they are allocated.
 *
 * @throws ConfigError `model_too_large` when that grows beyond the file by more than `limits.maxTypedDataGrowthBytes`.
 */
export function spendTypedBytes(budget: DecodeBudget, bytes: number): void {
  budget.typedBytesLeft -= bytes
  if (budget.typedBytesLeft >= 0) return
  const { maxTypedDataGrowthBytes } = budget.limits
  throw new ConfigError(
    'model_too_large',
    `typed tensor data outgrows the file of ${budget.fileBytes} bytes by more than ${maxTypedDataGrowthBytes} bytes ` +
      '(maxTypedDataGrowthBytes); weights belong in raw_data',
  )
}
