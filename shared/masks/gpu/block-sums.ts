/**
 * Adds up masks on the GPU, one range of blocks at a time. Lives in the GPU child, holds the device's buffers, and clears
 * them after every job: the sum of a site's masks tells its input as well as the keys do.
 */
import { performance } from 'node:perf_hooks'
import { secretBytes, wipe } from '../../crypto/secrets.ts'
import type { MaskSeed } from '../mask-engine.ts'
import type { Gpu } from './adapter.ts'
import { DispatchBudget, groupsFor } from './dispatch-plan.ts'
import { BLOCK_BYTES, type BlockJob } from './frames.ts'
import { GpuFailure } from './gpu-failure.ts'
import { RANGE_WORDS, SEED_WORDS, WORKGROUP_SIZE } from './kernel.ts'

const SEED_BYTES = SEED_WORDS * 4

export interface JobWatch {
  /** Asked between dispatches. */
  readonly isCancelled: () => boolean
  /** Masks done and in all, after every dispatch. */
  readonly onProgress: (done: number, total: number) => void
}

/** One per device. Jobs come one after the other. */
export class BlockSums {
  readonly #gpu: Gpu
  readonly #module: GPUShaderModule
  readonly #layout: GPUBindGroupLayout
  readonly #pipelines = new Map<string, GPUComputePipeline>()
  readonly #range: GPUBuffer
  readonly #budget = new DispatchBudget()
  #seeds: GPUBuffer | undefined
  #sums: GPUBuffer | undefined
  #staging: GPUBuffer | undefined

  constructor(gpu: Gpu, kernel: string) {
    this.#gpu = gpu
    const { device, constants } = gpu
    this.#module = device.createShaderModule({ code: kernel })
    const binding = (place: number, type: GPUBufferBindingType) => ({
      binding: place,
      visibility: 4, // GPUShaderStage.COMPUTE
      buffer: { type },
    })
    this.#layout = device.createBindGroupLayout({
      entries: [binding(0, 'uniform'), binding(1, 'read-only-storage'), binding(2, 'storage')],
    })
    const { UNIFORM, COPY_DST } = constants.GPUBufferUsage
    this.#range = device.createBuffer({ size: RANGE_WORDS * 4, usage: UNIFORM | COPY_DST })
  }

  /**
   * Adds the job's masks up and hands the sum to `use`, in mapped memory that is valid until `use` settles.
   * @throws GpuFailure `out_of_memory` or `gpu_error`.
   */
  async run(job: BlockJob, watch: JobWatch, use: (sum: Uint8Array) => Promise<void>): Promise<'done' | 'cancelled'> {
    const { device } = this.#gpu
    for (const scope of ['internal', 'out-of-memory', 'validation'] as const) device.pushErrorScope(scope)
    let problem: GpuFailure | undefined
    let ended: 'done' | 'cancelled' = 'cancelled'
    try {
      if (await this.#addMasks(job, watch)) ended = 'done'
    } catch (cause) {
      problem = new GpuFailure('gpu_error', (cause as Error).message)
    }
    // Every scope is taken off again, and the most telling one wins.
    const [validation, memory, internal] = await Promise.all([
      device.popErrorScope(),
      device.popErrorScope(),
      device.popErrorScope(),
    ])
    const told = validation ?? internal
    if (memory !== null) throw new GpuFailure('out_of_memory', memory.message)
    if (told !== null) throw new GpuFailure('gpu_error', told.message)
    if (problem !== undefined) throw problem
    if (ended === 'done') await this.#read(this.#staging!, job.blocks * BLOCK_BYTES, use)
    this.#clear(job)
    return ended
  }

  async #addMasks(job: BlockJob, { isCancelled, onProgress }: JobWatch): Promise<boolean> {
    const { device } = this.#gpu
    const { blocks, seeds } = job
    const groups = groupsFor(blocks, seeds.length)
    this.#reserve(job, groups)
    this.#sendSeeds(seeds)
    const group = device.createBindGroup({
      layout: this.#layout,
      entries: [this.#range, this.#seeds!, this.#sums!].map((buffer, binding) => ({ binding, resource: { buffer } })),
    })
    const addMasks = this.#pipeline('add_masks', job)
    const workgroups = Math.ceil(blocks / WORKGROUP_SIZE)
    for (let first = 0; first < seeds.length; ) {
      if (isCancelled()) return false
      const end = Math.min(seeds.length, first + Math.max(groups, this.#budget.seedsFor(blocks)))
      const perGroup = Math.ceil((end - first) / groups)
      const range = Uint32Array.of(job.firstBlock, blocks, first, end, perGroup, groups, 0, 0)
      device.queue.writeBuffer(this.#range, 0, range)
      this.#dispatch(addMasks, group, [workgroups, groups])
      const started = performance.now()
      await device.queue.onSubmittedWorkDone()
      this.#budget.learn((end - first) * blocks, performance.now() - started)
      first = end
      onProgress(end, seeds.length)
    }
    if (groups > 1) this.#dispatch(this.#pipeline('fold_groups', job), group, [workgroups, 1])
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(this.#sums!, 0, this.#staging!, 0, blocks * BLOCK_BYTES)
    device.queue.submit([encoder.finish()])
    await device.queue.onSubmittedWorkDone()
    return true
  }

  #dispatch(pipeline: GPUComputePipeline, group: GPUBindGroup, [x, y]: readonly [number, number]): void {
    const { device } = this.#gpu
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(x, y)
    pass.end()
    device.queue.submit([encoder.finish()])
  }

  #pipeline(entryPoint: 'add_masks' | 'fold_groups', { narrowLanes }: BlockJob): GPUComputePipeline {
    const { device } = this.#gpu
    const name = `${entryPoint} ${narrowLanes}`
    const known = this.#pipelines.get(name)
    if (known !== undefined) return known
    const layout = device.createPipelineLayout({ bindGroupLayouts: [this.#layout] })
    const constants = { narrow_lanes: narrowLanes ? 1 : 0 }
    const made = device.createComputePipeline({ layout, compute: { module: this.#module, entryPoint, constants } })
    this.#pipelines.set(name, made)
    return made
  }

  /** Buffers large enough; the sums all zero. */
  #reserve({ blocks, seeds }: BlockJob, groups: number): void {
    const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = this.#gpu.constants.GPUBufferUsage
    const sumBytes = blocks * BLOCK_BYTES
    this.#seeds = this.#atLeast(this.#seeds, seeds.length * SEED_BYTES, STORAGE | COPY_DST)
    this.#sums = this.#atLeast(this.#sums, sumBytes * groups, STORAGE | COPY_DST | COPY_SRC)
    this.#staging = this.#atLeast(this.#staging, sumBytes, MAP_READ | COPY_DST)
  }

  /** Safety: a mapped buffer, overwritten after the copy, left keys on a native thread's stack; this way leaves none. */
  #sendSeeds(seeds: readonly MaskSeed[]): void {
    const records = secretBytes(seeds.length * SEED_BYTES)
    const signs = new Int32Array(records.buffer)
    for (const [place, { key, sign }] of seeds.entries()) {
      records.set(key, place * SEED_BYTES)
      signs[place * SEED_WORDS + 8] = sign
    }
    this.#gpu.device.queue.writeBuffer(this.#seeds!, 0, records)
    wipe(records)
  }

  #atLeast(buffer: GPUBuffer | undefined, size: number, usage: number): GPUBuffer {
    if (buffer !== undefined && buffer.size >= size) return buffer
    buffer?.destroy()
    return this.#gpu.device.createBuffer({ size, usage })
  }

  async #read(staging: GPUBuffer, lengthBytes: number, use: (sum: Uint8Array) => Promise<void>): Promise<void> {
    await staging.mapAsync(this.#gpu.constants.GPUMapMode.READ, 0, lengthBytes)
    try {
      await use(new Uint8Array(staging.getMappedRange(0, lengthBytes)))
    } finally {
      staging.unmap()
    }
  }

  /** What the job wrote to; so the next one starts from zeros. */
  #clear({ blocks, seeds }: BlockJob): void {
    const sumBytes = blocks * BLOCK_BYTES
    const encoder = this.#gpu.device.createCommandEncoder()
    encoder.clearBuffer(this.#seeds!, 0, seeds.length * SEED_BYTES)
    encoder.clearBuffer(this.#sums!, 0, sumBytes * groupsFor(blocks, seeds.length))
    encoder.clearBuffer(this.#staging!, 0, sumBytes)
    this.#gpu.device.queue.submit([encoder.finish()])
  }
}
