/** A watcher loses its connection, comes back where it was, or gives up; answers are not mistaken for breaks. */
import { describe, expect, test } from 'vitest'
import { followRun } from '../../bin/follow-run.ts'
import { ConfigError } from '../../shared/errors.ts'
import type { RunEvent } from '../../shared/wire/generated/blindsum/v1/operator.ts'

const GONE = new ConfigError('server_unreachable', 'nothing answers')
const HELLO = { spiffeId: '', softwareVersion: '', connected: [], wireLabel: '', serverTimeMs: 0 }

/** Each entry is one connection: null cannot be had, numbers come as events, then the stream breaks. */
async function follow(
  connections: readonly (readonly number[] | null | 'ended')[],
  last: number,
  code = 'connection_ended',
) {
  const said: string[] = []
  const seen: number[] = []
  const askedAfter: number[] = []
  const pending = [...connections]
  await followRun({
    run: 'digits',
    connect: async (work) => {
      const present = pending.shift() ?? null
      if (present === null) throw GONE
      return await work({
        hello: async () => HELLO,
        watch: async function* (_run, after) {
          askedAfter.push(after)
          if (present === 'ended') return
          for (const sequence of present) yield event(sequence)
          throw new ConfigError(code, 'gone')
        },
      })
    },
    see: ({ sequence }) => seen.push(sequence) > 0 && sequence === last,
    tell: (line) => said.push(line),
    patienceMs: 40,
    pauseMs: 1,
  })
  return { said, seen, askedAfter }
}

function event(sequence: number): RunEvent {
  return { sequence, atMs: 0, kind: 'stage', body: '{}' }
}

describe('a run is followed', () => {
  test('through a restart, from the last event on, said once', async () => {
    expect(await follow([[1, 2], null, null, null, [3, 4]], 4)).toEqual({
      said: ['connection lost, trying again', 'connected again'],
      seen: [1, 2, 3, 4],
      askedAfter: [0, 2],
    })
  })

  test('when the coordinator ends the stream in good order', async () => {
    expect((await follow([[1], 'ended', [2]], 2)).seen).toEqual([1, 2])
  })

  test('when a stopping coordinator cancels the stream', async () => {
    expect((await follow([[1], null, [2]], 2, 'cancelled')).seen).toEqual([1, 2])
  })

  test('not after an answer', async () => {
    await expect(follow([[1], [2]], 2, 'not_permitted')).rejects.toMatchObject({ code: 'not_permitted' })
  })

  test('not for ever', async () => {
    await expect(follow([[1]], 2)).rejects.toMatchObject({
      code: 'connection_lost',
      message: expect.stringContaining('may go on without you'),
    })
  })

  test('not when the first connection fails', async () => {
    await expect(follow([null, [1]], 1)).rejects.toBe(GONE)
  })
})
