/**
 * `blindsum ca init|issue|show`: the embedded identity authority, for demos and tests. Its key lies in a file, so every
 * command says that production needs SPIRE or the consortium's own CA.
 */
import { initAuthority, issueSvid, showAuthority } from '../../shared/authority/authority-folder.ts'
import { command, JSON_OPTION, required, UsageError } from '../command-line.ts'
import { printJson, printLine } from '../print.ts'
import { utcTime } from '../text-table.ts'

const MS_OF = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export const caInitCommand = command(
  {
    name: 'ca init',
    usage: '--trust-domain NAME --out FOLDER',
    about: 'Makes a signing authority for a trust domain of your own, in a folder only you should be able to read.',
    options: {
      'trust-domain': {
        type: 'string',
        value: 'NAME',
        about: 'such as demo.example; part of every identity it issues',
      },
      out: { type: 'string', value: 'FOLDER', about: 'where to put authority.pem, authority.key and bundle.json' },
      ...JSON_OPTION,
    },
    words: [],
    example: 'blindsum ca init --trust-domain demo.example --out ./ca',
  },
  async ({ values }) => {
    const trustDomain = required(values['trust-domain'], 'trust-domain')
    const made = await initAuthority({ folder: required(values.out, 'out'), trustDomain })
    if (values.json) printJson({ ok: true, ...made })
    else {
      printLine(`made the authority of spiffe://${made.trustDomain} in ${made.folder}`)
      printLine(`give everybody its trust bundle: ${made.bundlePath}`)
      printLine(made.warning)
    }
    return 0
  },
)

export const caIssueCommand = command(
  {
    name: 'ca issue',
    usage: 'PATH --ca FOLDER --out FOLDER',
    about:
      'Issues an X.509-SVID with a fresh key for the workload PATH (such as /site/north) of the authority’s trust domain.\n' +
      'The folder gets svid.pem, svid.key and bundle.json; running it again renews them, and a running agent takes the\n' +
      'new ones without a restart.',
    options: {
      ca: { type: 'string', value: 'FOLDER', about: 'the folder made by ca init' },
      out: { type: 'string', value: 'FOLDER', about: 'where the workload keeps its identity' },
      lifetime: { type: 'string', value: 'TIME', about: 'such as 30m, 24h or 90d; default 24h' },
      ...JSON_OPTION,
    },
    words: ['PATH'],
    example: 'blindsum ca issue /site/north --ca ./ca --out ./north/identity',
  },
  async ({ values, words }) => {
    const name = words[0] ?? ''
    const lifetimeMs = values.lifetime === undefined ? undefined : lifetime(values.lifetime)
    const issued = await issueSvid({
      folder: required(values.ca, 'ca'),
      out: required(values.out, 'out'),
      ...(name.startsWith('spiffe://') ? { spiffeId: name } : { path: name.startsWith('/') ? name : `/${name}` }),
      ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
    })
    if (values.json) printJson({ ok: true, ...issued })
    else printLine(`issued ${issued.spiffeId} until ${utcTime(issued.notAfterMs)}: ${issued.certificatePath}`)
    return 0
  },
)

export const caShowCommand = command(
  {
    name: 'ca show',
    usage: '--ca FOLDER',
    about: 'Shows whose authority a folder holds, until when, and its fingerprint.',
    options: { ca: { type: 'string', value: 'FOLDER', about: 'the folder made by ca init' }, ...JSON_OPTION },
    words: [],
    example: 'blindsum ca show --ca ./ca',
  },
  async ({ values }) => {
    const found = showAuthority({ folder: required(values.ca, 'ca') })
    if (values.json) printJson({ ok: true, ...found })
    else {
      printLine(`authority of    spiffe://${found.trustDomain}`)
      printLine(`valid until     ${utcTime(found.notAfterMs)}`)
      printLine(`SHA-256         ${found.fingerprint}`)
      printLine(`trust bundle    ${found.bundlePath}`)
      printLine(found.warning)
    }
    return 0
  },
)

function lifetime(text: string): number {
  const [, amount, unit] = /^([0-9]{1,6})([mhd])$/.exec(text) ?? []
  if (amount === undefined) throw new UsageError(`--lifetime must be a number and m, h or d, not "${text}"`)
  return Number(amount) * MS_OF[unit as keyof typeof MS_OF]
}
