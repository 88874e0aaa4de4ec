/** `npm run bench -- <name>`: runs the benchmark of that name; without one, what the protocol costs. */
const NAMED: Readonly<Record<string, () => Promise<unknown>>> = {
  masks: () => import('./masks.ts'),
  'masks-before': () => import('./masks-before.ts'),
  coordinator: () => import('./coordinator-masks.ts'),
  'unmask-gpu': () => import('./unmask-gpu.ts'),
  participant: () => import('./participant.ts'),
}

const word = process.argv[2]
const named = word === undefined ? undefined : NAMED[word]
if (named !== undefined) {
  process.argv.splice(2, 1)
  await named()
} else if (word === undefined || word.startsWith('-')) {
  await import('./protocol-costs.ts')
} else {
  process.stderr.write(`no benchmark ${word}; there are: ${Object.keys(NAMED).join(', ')}\n`)
  process.exitCode = 2
}
