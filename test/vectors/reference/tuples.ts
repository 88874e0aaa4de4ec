/**
 * The tuples of docs/protocol.md, described field by field and encoded by a second, plain implementation. The vector files
 * show these descriptions; the bytes beside them come from the program itself, and a test compares the two.
 */
import { createHash } from 'node:crypto'
import { bytes, hex } from '../hex.ts'

/** One field: its name in the protocol text and its value, as text, as a decimal integer, or as bytes in hex. */
export type Field =
  | { readonly name: string; readonly text: string }
  | { readonly name: string; readonly integer: string }
  | { readonly name: string; readonly hex: string }

export interface DescribedTuple {
  readonly label: string
  readonly fields: readonly Field[]
}

/** The label behind its u16 length, then every field behind its u32 length; integers are eight bytes; all big-endian. */
export function encodeDescribed(tuple: DescribedTuple): string {
  const label = Buffer.from(tuple.label, 'utf8').toString('hex')
  let out = bigEndian(label.length / 2, 2) + label
  for (const field of tuple.fields) {
    const value = fieldHex(field)
    out += bigEndian(value.length / 2, 4) + value
  }
  return out
}

export function digestDescribed(tuple: DescribedTuple): string {
  return sha256Of(encodeDescribed(tuple))
}

/** SHA-256 of bytes in hex, in hex. */
export function sha256Of(message: string): string {
  return hex(createHash('sha256').update(bytes(message)).digest())
}

export const text = (name: string, value: string): Field => ({ name, text: value })
export const integer = (name: string, value: number | bigint): Field => ({ name, integer: String(value) })
export const octets = (name: string, value: string): Field => ({ name, hex: value })

/** What every tuple of a session is bound to, in hex. */
export interface Digests {
  readonly contextDigest: string
  readonly rosterDigest: string
}

export interface AdvertisedKeys {
  readonly spiffeId: string
  readonly channelKey: string
  readonly maskKey: string
  readonly signingKey: string
  readonly advertisedAtMs: number
}

/** A session's context as the plan and the model give it; reals are their shortest decimal text. */
export interface ContextValues {
  readonly trustDomain: string
  readonly runId: string
  readonly round: number
  readonly sessionId: string
  readonly planDigest: string
  readonly modelDigest: string
  readonly lengthLanes: number
  readonly laneWidth: number
  readonly modulusBits: number
  readonly minimumCohort: number
  readonly enrolledCount: number
  readonly graph: string
  readonly gammaPpm: number
  readonly deltaPpm: number
  readonly colluders: number
  readonly adversary: string
  readonly maxNeighbours: number
  readonly inputBits: number
  readonly clipNorm: string
  readonly laneRange: string
  readonly minWeight: string
  readonly maxWeight: string
  readonly scalars: string
}

const CONTEXT_FIELDS: readonly (readonly [keyof ContextValues, 'text' | 'integer' | 'hex'])[] = [
  ['trustDomain', 'text'],
  ['runId', 'text'],
  ['round', 'integer'],
  ['sessionId', 'hex'],
  ['planDigest', 'hex'],
  ['modelDigest', 'hex'],
  ['lengthLanes', 'integer'],
  ['laneWidth', 'integer'],
  ['modulusBits', 'integer'],
  ['minimumCohort', 'integer'],
  ['enrolledCount', 'integer'],
  ['graph', 'text'],
  ['gammaPpm', 'integer'],
  ['deltaPpm', 'integer'],
  ['colluders', 'integer'],
  ['adversary', 'text'],
  ['maxNeighbours', 'integer'],
  ['inputBits', 'integer'],
  ['clipNorm', 'text'],
  ['laneRange', 'text'],
  ['minWeight', 'text'],
  ['maxWeight', 'text'],
  ['scalars', 'text'],
]

export function contextTuple(values: ContextValues): DescribedTuple {
  const fields = CONTEXT_FIELDS.map(([name, kind]): Field => {
    const value = String(values[name])
    return kind === 'text'
      ? { name, text: value }
      : kind === 'integer'
        ? { name, integer: value }
        : { name, hex: value }
  })
  return { label: 'blindsum/v1/context', fields }
}

function keyFields(entry: AdvertisedKeys): Field[] {
  return [
    text('spiffeId', entry.spiffeId),
    octets('channelKey', entry.channelKey),
    octets('maskKey', entry.maskKey),
    octets('signingKey', entry.signingKey),
    integer('advertisedAtMs', entry.advertisedAtMs),
  ]
}

export function advertiseTuple(contextDigest: string, entry: AdvertisedKeys): DescribedTuple {
  return { label: 'blindsum/v1/advertise', fields: [octets('contextDigest', contextDigest), ...keyFields(entry)] }
}

export function chainTuple(certificates: readonly string[]): DescribedTuple {
  const fields = certificates.map((der, place) => octets(`certificate${place}`, der))
  return { label: 'blindsum/v1/certificate-chain', fields }
}

export function entryTuple(entry: AdvertisedKeys, chain: readonly string[], signature: string): DescribedTuple {
  const certificateChain = octets('certificateChain', encodeDescribed(chainTuple(chain)))
  return {
    label: 'blindsum/v1/roster-entry',
    fields: [...keyFields(entry), certificateChain, octets('signature', signature)],
  }
}

export function rosterLeafTuple(
  index: number,
  line: { readonly enrolment: number; readonly signingKey: string; readonly entryHash: string },
): DescribedTuple {
  const { enrolment, signingKey, entryHash } = line
  return {
    label: 'blindsum/v1/roster-leaf',
    fields: [
      integer('index', index),
      integer('enrolment', enrolment),
      octets('signingKey', signingKey),
      octets('entryHash', entryHash),
    ],
  }
}

export function rosterTuple(contextDigest: string, size: number, root: string): DescribedTuple {
  return {
    label: 'blindsum/v1/roster',
    fields: [octets('contextDigest', contextDigest), integer('participants', size), octets('root', root)],
  }
}

/** A tuple that begins with both digests. */
function bound(label: string, digests: Digests, fields: readonly Field[]): DescribedTuple {
  const both = [octets('contextDigest', digests.contextDigest), octets('rosterDigest', digests.rosterDigest)]
  return { label: `blindsum/v1/${label}`, fields: [...both, ...fields] }
}

export function dealLeafTuple(leaf: {
  readonly holder: number
  readonly ciphertextDigest: string
  readonly selfShareCommitment: string
  readonly maskKeyShareCommitment: string
}): DescribedTuple {
  return {
    label: 'blindsum/v1/deal-leaf',
    fields: [
      integer('holder', leaf.holder),
      octets('ciphertextDigest', leaf.ciphertextDigest),
      octets('selfShareCommitment', leaf.selfShareCommitment),
      octets('maskKeyShareCommitment', leaf.maskKeyShareCommitment),
    ],
  }
}

export function dealTuple(digests: Digests, deal: { owner: number; selfSeedCommitment: string; root: string }) {
  const { owner, selfSeedCommitment, root } = deal
  return bound('deal', digests, [
    integer('owner', owner),
    octets('selfSeedCommitment', selfSeedCommitment),
    octets('root', root),
  ])
}

export function shareCommitmentTuple(
  digests: Digests,
  share: { readonly owner: number; readonly holder: number; readonly kind: string; readonly share: string },
) {
  return bound('share-commitment', digests, [
    integer('owner', share.owner),
    integer('holder', share.holder),
    text('kind', share.kind),
    octets('share', share.share),
  ])
}

export function seedCommitmentTuple(digests: Digests, owner: number, seed: string): DescribedTuple {
  return bound('self-seed-commitment', digests, [integer('owner', owner), octets('seed', seed)])
}

export function shareCiphertextTuple(digests: Digests, from: number, to: number): DescribedTuple {
  return bound('share-ciphertext', digests, [integer('from', from), integer('to', to)])
}

export function noShareTuple(digests: Digests, complaint: { owner: number; holder: number; ciphertextDigest: string }) {
  const { owner, holder, ciphertextDigest } = complaint
  return bound('no-share', digests, [
    integer('owner', owner),
    integer('holder', holder),
    octets('ciphertextDigest', ciphertextDigest),
  ])
}

export function contributionTuple(digests: Digests, maskedInputDigest: string): DescribedTuple {
  return bound('contribution', digests, [octets('maskedInputDigest', maskedInputDigest)])
}

export function survivorsTuple(digests: Digests, shared: string, survivors: string): DescribedTuple {
  return bound('survivors', digests, [octets('shared', shared), octets('survivors', survivors)])
}

/** HKDF info: bound to the context only; the roster digest is the salt. */
function info(label: string, contextDigest: string, fields: readonly Field[]): DescribedTuple {
  return { label: `blindsum/v1/${label}`, fields: [octets('contextDigest', contextDigest), ...fields] }
}

export function shareKeyTuple(contextDigest: string, from: number, to: number): DescribedTuple {
  return info('share-key', contextDigest, [integer('from', from), integer('to', to)])
}

export function pairwiseMaskTuple(contextDigest: string, lower: number, higher: number): DescribedTuple {
  return info('pairwise-mask', contextDigest, [integer('lower', lower), integer('higher', higher)])
}

export function selfMaskTuple(contextDigest: string, index: number): DescribedTuple {
  return info('self-mask', contextDigest, [integer('index', index)])
}

export function graphTuple(digests: Digests): DescribedTuple {
  return bound('graph', digests, [])
}

export function updateTuple(update: string, scalars: readonly string[]): DescribedTuple {
  const fields = scalars.map((scalar, place) => text(`scalar${place}`, scalar))
  return { label: 'blindsum/v1/update', fields: [octets('update', update), ...fields] }
}

export function revealRequestTuple(certificate: {
  readonly shared: string
  readonly survivors: string
  readonly signatures: readonly { readonly index: number; readonly signature: string }[]
}): DescribedTuple {
  const signers = certificate.signatures.flatMap(({ index, signature }) => [
    integer('index', index),
    octets('signature', signature),
  ])
  const sets = [octets('shared', certificate.shared), octets('survivors', certificate.survivors)]
  return { label: 'blindsum/v1/reveal-request', fields: [...sets, ...signers] }
}

function fieldHex(field: Field): string {
  if ('text' in field) return Buffer.from(field.text, 'utf8').toString('hex')
  if ('integer' in field) return bigEndian(BigInt(field.integer), 8)
  return field.hex
}

function bigEndian(value: number | bigint, lengthBytes: number): string {
  return value.toString(16).padStart(2 * lengthBytes, '0')
}
