/**
 * Opens the GPU, inside the GPU child only: Dawn is native code, and its faults must not reach anybody else's process.
 */
import { GpuFailure } from './gpu-failure.ts'

/** What there is, in the driver's own words. */
export interface AdapterReport {
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly description: string
  /** It computes on the CPU. */
  readonly isSoftware: boolean
}

export interface Gpu {
  readonly report: AdapterReport
  readonly device: GPUDevice
  /** Crash here: without this reference the collector takes Dawn's instance away under the device. */
  readonly instance: GPU
  /** `GPUBufferUsage` and `GPUMapMode`, which no browser brings here. */
  readonly constants: { readonly GPUBufferUsage: typeof GPUBufferUsage; readonly GPUMapMode: typeof GPUMapMode }
}

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|software|basic render|\bwarp\b/i

/** Asks for everything the kernel can use; the defaults are the specification's minima. */
const LIMITS = ['maxStorageBufferBindingSize', 'maxBufferSize'] as const

/** @throws GpuFailure `package_missing`, `no_adapter` or `software_adapter`. */
export async function openGpu(options: { readonly allowSoftware: boolean }): Promise<Gpu> {
  const { create, globals } = await import('webgpu').catch((cause: Error) => {
    throw new GpuFailure('package_missing', `npm package webgpu cannot be loaded: ${cause.message.split('\n')[0]}`)
  })
  const instance = create([])
  const adapter = await instance.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null)
    throw new GpuFailure('no_adapter', 'no GPU with a driver for Vulkan, Metal or Direct3D was found')
  const { vendor, architecture, device: name, description, isFallbackAdapter } = adapter.info
  const words = [vendor, architecture, name, description].join(' ')
  const isSoftware = isFallbackAdapter || SOFTWARE.test(words)
  const report: AdapterReport = { vendor, architecture, device: name, description, isSoftware }
  if (isSoftware && !options.allowSoftware) {
    throw new GpuFailure('software_adapter', `the only adapter, ${description || words}, computes on the CPU`)
  }
  const requiredLimits = Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]]))
  const device = await adapter.requestDevice({ requiredLimits })
  // Safety: Dawn hands its constants over as one plain object; a test runs the kernel through them.
  return { report, device, instance, constants: globals as Gpu['constants'] }
}
