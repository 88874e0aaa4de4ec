import { expect, test } from 'vitest'
import { PerPeer } from '../../../coordinator/rpc/per-peer.ts'

async function* numbers() {
  yield 1
  yield 2
}

test('so many at once for each peer, given back at the end and when the reader leaves', async () => {
  const downloads = new PerPeer(2, 'downloads')
  const begin = async (who: string) => {
    const items = downloads.during(who, numbers())[Symbol.asyncIterator]()
    await items.next()
    return items
  }
  const first = await begin('east')
  const second = await begin('east')
  await expect(begin('east')).rejects.toMatchObject({ code: 'too_busy' })
  await begin('west')
  await first.return?.()
  const third = await begin('east')
  for (const items of [second, third]) for (let done = false; done !== true; ) done = (await items.next()).done ?? false
  await begin('east')
  await begin('east')
  await expect(begin('east')).rejects.toMatchObject({ code: 'too_busy' })
})
