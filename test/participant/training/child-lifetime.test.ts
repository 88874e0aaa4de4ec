/** What becomes of the child process when it is killed from outside, and when its parent is. */
import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { trainLocally } from '../../../participant/training/train-locally.ts'
import { denseClassifier } from '../../../shared/onnx/model-writer.ts'
import { blobs, TASK } from './training-fixtures.ts'

/** Ids of running training children of process `parent`. */
async function childrenOf(parent: number): Promise<number[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found: number[] = []
  for (const id of ids) {
    const stat = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => '')
    const command = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')
    // Fields after the parenthesised name: state, parent's id, …
    const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(ppid) === parent && state !== 'Z' && command.includes('training-child')) found.push(id)
  }
  return found
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await delay(20)
  }
}

describe.runIf(process.platform === 'linux')('the training child', () => {
  test('killed from outside is reported with the signal', async () => {
    const running = trainLocally({
      model: denseClassifier({ layers: [2, 8, 3], activation: 'relu', seed: 1 }),
      task: { ...TASK, localEpochs: undefined, localSteps: 10_000_000 },
      data: blobs(),
      seed: 1,
    })
    process.kill(await until(async () => (await childrenOf(process.pid))[0]), 'SIGKILL')
    const result = await running
    expect(result).toMatchObject({ ok: false, code: 'child_crashed' })
    expect(!result.ok && result.message).toMatch(/SIGKILL/)
  })

  test('ends when its parent is killed', async () => {
    const parent = spawn(process.execPath, [fileURLToPath(new URL('./endless-parent.ts', import.meta.url))], {
      stdio: 'ignore',
    })
    const child = await until(async () => (await childrenOf(parent.pid!))[0])
    parent.kill('SIGKILL')
    const gone = await until(async () => {
      const stat = await readFile(`/proc/${child}/stat`, 'utf8').catch(() => '')
      return stat === '' || / Z /.test(stat) ? true : undefined
    })
    expect(gone).toBe(true)
  })
})
