/** Agents and their training processes killed with SIGKILL while a real training runs, and once it has ended. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { makePlan } from './plans.ts'
import { openSite } from './real-site.ts'
import { closeScripted } from './scripted-coordinator.ts'

type Site = Awaited<ReturnType<typeof openSite>>
// A busy machine starts a process in many seconds.
vi.setConfig({ testTimeout: 240_000 })

let site: Site
afterEach(async () => {
  await site.close()
  await closeScripted()
})

/** Some seconds of training here; a checkpoint every second. */
const plan = makePlan({ training: { localEpochs: undefined, localSteps: 40_000, batchSize: 16 } })

/** The training process of an agent. */
function trainingChildOf(parent: number): number {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const [, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8')
      if (Number(ppid) === parent && command.includes('training-child')) return Number(name)
    } catch {
      // A process that ended meanwhile.
    }
  }
  throw new Error('there is no training process')
}

const ready = () => expect.poll(() => site.reports.at(-1)?.ready, { timeout: 120_000 }).toBe(true)

test('an agent killed in its training goes on with it; killed once it is ready, it is ready at once', async () => {
  site = await openSite(plan)
  const first = site.start()
  await first.until('training checkpoint written')
  await first.kill()
  const second = site.start()
  const { percent } = await second.until('training resumed from its checkpoint')
  await ready()
  expect(percent).toBeLessThan(100)
  expect(readdirSync(site.dataFolder)).toContain('update.kept')
  expect(readdirSync(site.dataFolder)).not.toContain('training.checkpoint')
  const kept = readFileSync(join(site.dataFolder, 'update.kept'))
  await second.kill()

  const third = site.start()
  await expect.poll(() => site.reports.length, { timeout: 60_000 }).toBe(2)
  expect(site.reports.at(-1)).toMatchObject({ ready: true, attempt: 1 })
  expect(third.has('training started')).toBe(false)
  expect(readFileSync(join(site.dataFolder, 'update.kept'))).toEqual(kept)
  await third.kill('SIGTERM')
})

test('a training process that is killed is started again where its checkpoint stands, as often as it gets anywhere', async () => {
  site = await openSite(plan)
  const agent = site.start()
  let written = 0
  for (let kill = 1; kill <= 4; kill += 1) {
    await expect
      .poll(() => agent.lines().filter(({ msg }) => msg === 'training checkpoint written').length, { timeout: 60_000 })
      .toBeGreaterThan(written)
    written = agent.lines().filter(({ msg }) => msg === 'training checkpoint written').length
    process.kill(trainingChildOf(agent.pid), 'SIGKILL')
    await expect
      .poll(() => agent.lines().filter(({ msg }) => msg === 'training resumed from its checkpoint').length, {
        timeout: 60_000,
      })
      .toBe(kill)
  }
  await ready()
  const percents = agent.lines().filter(({ msg }) => msg === 'training resumed from its checkpoint')
  const numbers = percents.map(({ percent }) => Number(percent))
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  expect(agent.lines().filter(({ code }) => code === 'child_crashed')).toHaveLength(4)
  expect(site.reports).toHaveLength(1)
})

test('an agent killed at any moment comes to the same end: ready, with nothing half written left', async () => {
  site = await openSite(plan)
  for (let kill = 0; kill < 8; kill += 1) {
    const life = site.start()
    await life.until('attending')
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2500))
    await life.kill()
  }
  const before = site.reports.length
  const last = site.start()
  await expect.poll(() => site.reports.length, { timeout: 120_000 }).toBe(before + 1)
  expect(site.reports.every((report) => report.ready)).toBe(true)
  await last.kill('SIGTERM')
  const left = readdirSync(site.dataFolder).filter((name) => name.includes('.part-') || name.endsWith('.checkpoint'))
  expect(left).toEqual([])
})
