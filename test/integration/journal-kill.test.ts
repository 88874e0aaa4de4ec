/**
 * Agents killed without a word right after a fact became durable: two of the points here, all of them in the slow suite.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KillLab } from './kill-lab.ts'
import { KILL_POINTS, killAndReturn } from './kill-points.ts'

let lab: KillLab
beforeAll(async () => {
  lab = await KillLab.open()
})
afterAll(() => lab.close())

test.each(['hold-after-record-update-spent', 'hold-after-record-answered'])('killed at %s', async (point) => {
  const kill = KILL_POINTS.find((one) => one.point === point)
  expect(kill).toBeDefined()
  if (kill !== undefined) await killAndReturn(lab, kill)
})
