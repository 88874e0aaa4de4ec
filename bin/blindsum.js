#!/usr/bin/env node
/**
 * Starts `blindsum` on any Node >= 18: finds the runtime this package is pinned to (the npm package `node`) and runs the
 * program on it, from source in a checkout and from dist/ in an installed package. Signals are passed on, the exit code is
 * the program's own, and a channel tells the program when this process is gone. Plain JavaScript for Node 18, older than
 * package.json asks for: then it can still say what is missing.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']

const packageFolder = dirname(dirname(fileURLToPath(import.meta.url)))
const pinned = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')).dependencies.node
const program = [join(packageFolder, 'bin', 'main.ts'), join(packageFolder, 'dist', 'bin', 'main.js')].find(existsSync)

if (program === undefined) {
  fail('neither bin/main.ts nor dist/bin/main.js is there: this installation is incomplete; install blindsum again')
} else if (process.version === `v${pinned}`) {
  await import(pathToFileURL(program).href)
} else {
  const runtime = pinnedRuntime()
  if (runtime === undefined) {
    fail(
      `its runtime, Node ${pinned} (npm package "node"), is not installed, probably because npm was not allowed to run ` +
        'the install script of "node"; allow it (npm approve-scripts node) and run: npm rebuild node',
    )
  } else runOn(runtime, program)
}

function pinnedRuntime() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'))
    const file = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    return existsSync(file) ? file : undefined
  } catch {
    return undefined
  }
}

function runOn(runtime, file) {
  const child = spawn(runtime, [...process.execArgv, file, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal))
  // Whoever started this process with a channel is gone: so should be the program.
  if (process.send !== undefined) process.on('disconnect', () => child.kill('SIGTERM'))
  // Ctrl-C on a terminal reaches the whole foreground group, the child included: passed on, it would arrive twice.
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT')
  })
  child.on('error', (error) => fail(`cannot start ${runtime}: ${error.message}`))
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal]
  })
}

function fail(problem) {
  process.stderr.write(`blindsum: ${problem}\n`)
  process.exitCode = 1
}
