import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openLog } from '../../../shared/runtime/log.ts'
import { SOFTWARE_VERSION } from '../../../shared/runtime/software-version.ts'

function lines() {
  const written: Record<string, unknown>[] = []
  const destination = { write: (text: string) => void written.push(JSON.parse(text)) }
  return { written, log: openLog({ name: 'test', level: 'debug', destination }) }
}

test('one JSON object per line, with level, time and fields', () => {
  const { written, log } = lines()
  log.child({ run: 'digits', round: 3 }).info({ session: 'ab' }, 'published')
  expect(written).toEqual([
    { level: 'info', time: expect.any(String), name: 'test', run: 'digits', round: 3, session: 'ab', msg: 'published' },
  ])
})

test('bytes never reach a line, whatever their field is called', () => {
  const { written, log } = lines()
  log.info(
    { anything: new Uint8Array(32).fill(0x41), deep: { more: Buffer.from('AAAA') }, lanes: new Uint16Array(8) },
    'x',
  )
  expect(written[0]).toMatchObject({ anything: '[32 bytes]', deep: { more: '[4 bytes]' }, lanes: '[16 bytes]' })
})

test('what is named like a secret is not written', () => {
  const { written, log } = lines()
  log.info({ seed: 'abc', privateKey: 'pem', inner: { secret: 1, shares: [1, 2] } }, 'x')
  expect(JSON.stringify(written[0])).not.toMatch(/abc|pem|\[1,2\]/)
})

test('the software version is that of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  expect(SOFTWARE_VERSION).toBe(version)
})
