/** A GPU child whose frames make no sense: it ends with its job, and this process goes on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { GpuProcess } from '../../../../shared/masks/gpu/gpu-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-broken-child-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const FRAMES = new URL('../../../../shared/masks/gpu/frames.ts', import.meta.url).href

test.each([
  ['ready without JSON', 'ready', '{', 1],
  ['ready without a report', 'ready', 'null', 4],
  ['failure without JSON', 'failure', 'oh', 2],
  ['failure with a code of its own', 'failure', '{"code":"x","message":{}}', 25],
  ['a frame of 4 GiB', 'ready', '', 0xffff_fff0],
])('%s', async (name, kind, text, payloadBytes) => {
  const path = join(folder, `${name}.mjs`)
  writeFileSync(
    path,
    `import { writeSync } from 'node:fs'
     import { FRAME, frameHeader } from '${FRAMES}'
     writeSync(3, frameHeader({ kind: FRAME.${kind}, job: 0, payloadBytes: ${payloadBytes}, argument: 0 }))
     writeSync(3, ${JSON.stringify(text)})
     setInterval(() => {}, 1000)`,
  )
  const child = new GpuProcess({ module: pathToFileURL(path) })
  await expect(child.ready).rejects.toMatchObject({ name: 'GpuFailure', code: 'gpu_error' })
  expect(child.hasEnded).toBe(true)
})
