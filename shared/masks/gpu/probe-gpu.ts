/** Looks for a GPU, in a child that ends afterwards. */
import type { AdapterReport } from './adapter.ts'
import type { GpuFailure } from './gpu-failure.ts'
import { GpuProcess, type GpuProcessOptions } from './gpu-process.ts'

/** What there is, or why there is nothing. Never rejects. */
export async function probeGpu(options: GpuProcessOptions = {}): Promise<AdapterReport | GpuFailure> {
  const gpu = new GpuProcess(options)
  try {
    return await gpu.ready
  } catch (cause) {
    // Safety: `ready` rejects with nothing else.
    return cause as GpuFailure
  } finally {
    gpu.kill()
  }
}

/** In one line, for people. */
export function adapterWords({ vendor, architecture, device, description }: AdapterReport): string {
  const name = description || device || architecture
  return name.toLowerCase().includes(vendor.toLowerCase()) ? name : `${vendor} ${name}`.trim()
}
