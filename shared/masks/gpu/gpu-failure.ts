/**
 * Why a GPU did not give a sum of masks. None of these is an error of the session: the CPU does the work instead, and the
 * code goes into the log line and the metric.
 */
export type GpuFailureCode =
  /** npm package `webgpu` is not installed, or its binary does not load here. */
  | 'package_missing'
  /** There is no GPU, no driver, or no Vulkan loader. */
  | 'no_adapter'
  /** The only adapter computes on the CPU, slower than the CPU engine. */
  | 'software_adapter'
  | 'device_lost'
  | 'out_of_memory'
  /** The driver or Dawn reported something else. */
  | 'gpu_error'
  | 'child_ended'
  | 'timeout'
  /** A slice of the sum differs from what the CPU computes. */
  | 'wrong_result'

export class GpuFailure extends Error {
  readonly code: GpuFailureCode

  constructor(code: GpuFailureCode, message: string) {
    super(message)
    this.name = 'GpuFailure'
    this.code = code
  }
}
