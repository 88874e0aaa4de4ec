/**
 * docs/getting-started.md, done as it says: its YAML blocks written, its shell blocks run in order in one folder, services
 * in the background. Only the two ports are replaced, so that the test disturbs nobody.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { BLINDSUM } from '../bin/run-commands.ts'

const ROOT = join(import.meta.dirname, '../..')
const LIMIT_MS = 240_000
const folder = mkdtempSync(join(tmpdir(), 'blindsum-getting-started-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test(
  'a stranger who types what the page says gets a verified model',
  async () => {
    const [participants, operators] = [await freePort(), await freePort()]
    const page = readFileSync(join(ROOT, 'docs/getting-started.md'), 'utf8')
      .replaceAll(':7443', `:${participants}`)
      .replaceAll(':7444', `:${operators}`)
    const script = join(folder, 'page.sh')
    writeFileSync(
      script,
      [PROLOGUE, ...[...page.matchAll(/```(yaml|sh)\n([\s\S]*?)```/g)].map(blockAsShell)].join('\n'),
    )
    // The page works in a folder of a checkout, which this stands for.
    for (const part of ['bin', 'shared', 'node_modules']) symlinkSync(join(ROOT, part), join(folder, part))
    const environment = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
    const { stdout } = await promisify(execFile)('bash', [script], { cwd: folder, env: environment, timeout: LIMIT_MS })
    expect(readdirSync(folder).sort()).toEqual(['bin', 'federation', 'node_modules', 'page.sh', 'shared'])
    expect(stdout).toContain('this site can join')
    expect(stdout).toContain('completed; the best version is')
    expect(stdout).toMatch(/verified: version \d+, back to version 0/)
  },
  LIMIT_MS,
)

const PROLOGUE = `set -e
services=''
trap 'kill $services; wait' EXIT`

/** A config is written where its first line says; a service goes to the background; the rest runs as it stands. */
function blockAsShell([, language, body = '']: RegExpMatchArray): string {
  if (language === 'yaml') {
    const file = /^# (\S+)/.exec(body)?.[1] ?? ''
    return `mkdir -p "$(dirname ${file})"\ncat > ${file} <<'YAML'\n${body}YAML`
  }
  if (body.startsWith('blindsum coordinator '))
    return `${service(body.trim())}\n${waitForFile('coordinator/data/listening.json')}`
  if (body.startsWith('blindsum participant --config')) {
    return ['aar', 'bode', 'chiem', 'dahme']
      .map((site) => service(`blindsum participant --config ${site}/participant.yaml`))
      .join('\n')
  }
  return body
}

function service(line: string): string {
  const direct = line.replace(/^blindsum /, `node '${BLINDSUM}' `)
  return `${direct} > /dev/null 2>&1 &\nservices="$services $!"`
}

function waitForFile(path: string): string {
  return `for i in $(seq 300); do [ -e ${path} ] && break; sleep 0.1; done`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
