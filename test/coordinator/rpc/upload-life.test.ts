/** An upload ends by itself when its owner is silent, begins another, or its stage has closed; and never while it speaks. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { UploadLives } from '../../../coordinator/rpc/upload-life.ts'

const never = () => new Promise<string>(() => {})

describe('an upload ends', () => {
  test('when no part comes', async () => {
    const life = new UploadLives(20).begin('east')
    await expect(life.race(never())).rejects.toMatchObject({ code: 'too_slow' })
  })

  test('when its owner begins another, and only then', async () => {
    const lives = new UploadLives(60_000)
    const first = lives.begin('east')
    const other = lives.begin('west')
    const waiting = first.race(never())
    const second = lives.begin('east')
    await expect(waiting).rejects.toMatchObject({ code: 'late' })
    expect(other.signal.aborted).toBe(false)
    expect(second.signal.aborted).toBe(false)
    for (const life of [first, other, second]) life.finish()
  })

  test('when its stage closes, also when it had closed before', async () => {
    const lives = new UploadLives(60_000)
    const closing = new AbortController()
    const [before, after] = [lives.begin('east'), lives.begin('west')]
    before.follow(closing.signal)
    const waiting = before.race(never())
    closing.abort(new Error('the stage has closed'))
    after.follow(closing.signal)
    await expect(waiting).rejects.toThrow('the stage has closed')
    await expect(after.race(never())).rejects.toThrow('the stage has closed')
  })
})

test('an upload that speaks, or waits for us, lives on', async () => {
  const life = new UploadLives(60).begin('east')
  for (let part = 0; part < 4; part += 1) {
    await sleep(30)
    life.heard()
  }
  life.pause()
  await sleep(120)
  expect(life.signal.aborted).toBe(false)
  expect(await life.race(Promise.resolve('part'))).toBe('part')
  life.finish()
})

test('an upload that has finished makes no trouble for the next', () => {
  const lives = new UploadLives(60_000)
  const first = lives.begin('east')
  first.finish()
  const second = lives.begin('east')
  expect(first.signal.aborted).toBe(false)
  expect(second.signal.aborted).toBe(false)
  second.finish()
})

test('what an ended upload still reads may fail unheard', async () => {
  const unheard: unknown[] = []
  const hear = (reason: unknown) => void unheard.push(reason)
  process.on('unhandledRejection', hear)
  const life = new UploadLives(60_000).begin('east')
  life.end(new Error('ended'))
  const reading = Promise.withResolvers<string>()
  await expect(life.race(reading.promise)).rejects.toThrow('ended')
  reading.reject(new Error('the call was destroyed'))
  await sleep(10)
  process.off('unhandledRejection', hear)
  expect(unheard).toEqual([])
})
