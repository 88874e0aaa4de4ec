/** `blindsum plan sign`: the author answers for a plan, on whatever machine holds the author's key. Contacts nobody. */
import { encodeHex } from '../../shared/crypto/digest.ts'
import { ConfigError } from '../../shared/errors.ts'
import { command, JSON_OPTION, required } from '../command-line.ts'
import { folderFiles } from '../operator-options.ts'
import { printJson, printLine } from '../print.ts'
import { loadPlan, signAs, writeSignedPlan } from '../signed-plan.ts'

export const planSignCommand = command(
  {
    name: 'plan sign',
    usage: 'PLAN.yaml --identity FOLDER',
    about:
      'Checks a plan and its model as every site will, and signs it with the author’s certificate key. A site takes part only\n' +
      'if its policy.yaml names the author. What comes out goes to `run submit` and `participant check`, with the model.',
    options: {
      identity: { type: 'string', value: 'FOLDER', about: 'the author’s svid.pem, svid.key and bundle.json' },
      out: { type: 'string', value: 'FILE', about: 'the signed plan; default PLAN.signed.json beside PLAN.yaml' },
      ...JSON_OPTION,
    },
    words: ['PLAN.yaml'],
    example: 'blindsum plan sign plan.yaml --identity author/identity',
  },
  async ({ values, words: [path = ''] }) => {
    const identity = folderFiles(required(values.identity, 'identity'))
    const loaded = loadPlan(path)
    if (loaded.signature !== null) {
      const problem = `is signed already, by ${loaded.signature.authorId}: give the plan.yaml it was made of`
      throw new ConfigError('bad_signed_plan', `${path}: ${problem}`)
    }
    const signature = signAs(identity, loaded.digest)
    const out = values.out ?? `${path.replace(/\.ya?ml$/, '')}.signed.json`
    writeSignedPlan(out, loaded, signature)
    const { authorId, signedAtMs } = signature
    const planDigest = encodeHex(loaded.digest)
    if (values.json) {
      printJson({ ok: true, path: out, authorId, signedAt: new Date(signedAtMs).toISOString(), planDigest })
    } else {
      printLine(`signed ${loaded.plan.name} as ${authorId}: ${out}`)
      printLine(`plan digest ${planDigest}`)
      printLine(`submit it with: blindsum run submit ${out}`)
    }
    return 0
  },
)
