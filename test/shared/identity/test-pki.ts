/**
 * A certificate maker for tests that can make every wrong certificate: each field can be set against the rules. Names,
 * extensions and signatures are built from ASN.1, with no help from the code under test.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  KeyUsage,
  KeyUsageFlags,
  Name,
  NameConstraints,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
} from '@peculiar/asn1-x509'
import type { TrustBundle } from '../../../shared/identity/trust-bundle.ts'

export type KeyPair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
export type Issuer = { readonly der: Uint8Array; readonly keys: KeyPair; readonly name: string }
export type UsageName = keyof typeof KeyUsageFlags

/** Every field may be set; what is left out is as a good leaf has it. */
export interface CertificateSpec {
  readonly name?: string
  readonly keys?: KeyPair
  readonly uris?: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly sanCritical?: boolean
  readonly ca?: boolean | null
  readonly pathLength?: number
  readonly keyUsage?: readonly UsageName[] | null
  readonly keyUsageCritical?: boolean
  readonly extendedKeyUsage?: readonly string[] | null
  readonly permittedUris?: readonly string[]
  readonly excludedUris?: readonly string[]
  readonly permittedDns?: readonly string[]
  readonly extra?: readonly Extension[]
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly version?: number
  readonly hash?: 'sha1' | 'sha256'
  /** Changes the bytes that are signed, just before they are. */
  readonly alterTbs?: (tbs: Uint8Array) => Uint8Array
}

export const TRUST_DOMAIN = 'a.example'
export const BOTH_USES = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'] as const
export const HOUR_MS = 3_600_000

export function ecKeys(namedCurve = 'P-256'): KeyPair {
  return generateKeyPairSync('ec', { namedCurve })
}

/** An extension of any id with any value. */
export function rawExtension(extnID: string, critical: boolean, value: Uint8Array): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(value) })
}

/** A self-signed authority of `trustDomain`; `spec` may spoil it. */
export function makeAuthority(trustDomain = TRUST_DOMAIN, spec: CertificateSpec = {}): Issuer {
  const keys = spec.keys ?? ecKeys()
  const name = spec.name ?? `root of ${trustDomain}`
  const filled = { ...caSpec(trustDomain), ...spec, keys, name }
  return { keys, name, der: makeCertificate(filled, { keys, name }) }
}

/** A signing certificate under `issuer`. */
export function makeIntermediate(issuer: Issuer, spec: CertificateSpec = {}): Issuer {
  const keys = spec.keys ?? ecKeys()
  const name = spec.name ?? `intermediate ${randomBytes(4).toString('hex')}`
  return { keys, name, der: makeCertificate({ ...caSpec(TRUST_DOMAIN), ...spec, keys, name }, issuer) }
}

/** A workload certificate under `issuer`, by default a good one for `spiffe://a.example/site/north`. */
export function makeLeaf(issuer: Omit<Issuer, 'der'>, spec: CertificateSpec = {}): Issuer {
  const keys = spec.keys ?? ecKeys()
  const name = spec.name ?? 'leaf'
  return { keys, name, der: makeCertificate({ ...spec, keys, name }, issuer) }
}

/** The bundle of `trustDomain` with these authorities. */
export function bundleOf(authorities: readonly Issuer[], trustDomain = TRUST_DOMAIN): TrustBundle {
  return { trustDomain, authorities: authorities.map((a) => a.der), sequence: 1, refreshHintSeconds: 300 }
}

function caSpec(trustDomain: string): CertificateSpec {
  const uris = [`spiffe://${trustDomain}`]
  return { uris, ca: true, keyUsage: ['keyCertSign', 'cRLSign'], extendedKeyUsage: null }
}

function makeCertificate(
  spec: CertificateSpec & { keys: KeyPair; name: string },
  issuer: Omit<Issuer, 'der'>,
): Uint8Array {
  const signer = issuer.keys.privateKey
  const algorithm = signatureAlgorithm(signer, spec.hash ?? 'sha256')
  const serial = randomBytes(16)
  serial[0] = 0x41
  const tbs = new TBSCertificate({
    version: spec.version ?? 2,
    serialNumber: new Uint8Array(serial).buffer,
    signature: algorithm,
    issuer: distinguishedName(issuer.name),
    subject: distinguishedName(spec.name),
    validity: new Validity({
      notBefore: spec.notBefore ?? new Date(Date.now() - 60_000),
      notAfter: spec.notAfter ?? new Date(Date.now() + HOUR_MS),
    }),
    subjectPublicKeyInfo: AsnConvert.parse(
      spec.keys.publicKey.export({ type: 'spki', format: 'der' }),
      SubjectPublicKeyInfo,
    ),
    extensions: new Extensions(extensionsOf(spec)),
  })
  const plain = new Uint8Array(AsnConvert.serialize(tbs))
  const signed = spec.alterTbs?.(plain) ?? plain
  const signature = sign(spec.hash ?? 'sha256', signed, signer)
  const bits = Buffer.concat([Buffer.from([0]), signature])
  return sequence(signed, new Uint8Array(AsnConvert.serialize(algorithm)), element(0x03, bits))
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return element(0x30, Buffer.concat(parts))
}

function element(tag: number, content: Uint8Array): Uint8Array {
  const n = content.length
  const length = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255]
  return new Uint8Array(Buffer.concat([Buffer.from([tag, ...length]), content]))
}

function extensionsOf(spec: CertificateSpec): Extension[] {
  const { ca = false, keyUsage = ['digitalSignature'], extendedKeyUsage = BOTH_USES } = spec
  const { uris = [`spiffe://${TRUST_DOMAIN}/site/north`], dnsNames = [], pathLength } = spec
  const extensions: Extension[] = []
  const add = (id: string, critical: boolean, value: unknown) =>
    extensions.push(rawExtension(id, critical, new Uint8Array(AsnConvert.serialize(value))))
  const names = [
    ...uris.map((uri) => new GeneralName({ uniformResourceIdentifier: uri })),
    ...dnsNames.map((dNSName) => new GeneralName({ dNSName })),
  ]
  if (names.length > 0) add('2.5.29.17', spec.sanCritical ?? spec.name === '', new SubjectAlternativeName(names))
  const limit = pathLength === undefined ? {} : { pathLenConstraint: pathLength }
  if (ca !== null) add('2.5.29.19', true, new BasicConstraints({ cA: ca, ...limit }))
  if (keyUsage !== null) {
    const flags = keyUsage.reduce((all, use) => all | KeyUsageFlags[use], 0)
    add('2.5.29.15', spec.keyUsageCritical ?? true, new KeyUsage(flags))
  }
  if (extendedKeyUsage !== null) add('2.5.29.37', false, new ExtendedKeyUsage([...extendedKeyUsage]))
  const constraints = nameConstraints(spec)
  if (constraints !== null) add('2.5.29.30', true, constraints)
  return [...extensions, ...(spec.extra ?? [])]
}

function nameConstraints({ permittedUris, excludedUris, permittedDns }: CertificateSpec): NameConstraints | null {
  const permitted = [
    ...(permittedUris ?? []).map((uri) => new GeneralName({ uniformResourceIdentifier: uri })),
    ...(permittedDns ?? []).map((dNSName) => new GeneralName({ dNSName })),
  ]
  const excluded = (excludedUris ?? []).map((uri) => new GeneralName({ uniformResourceIdentifier: uri }))
  if (permitted.length + excluded.length === 0) return null
  const trees = (names: GeneralName[]) => new GeneralSubtrees(names.map((base) => new GeneralSubtree({ base })))
  return new NameConstraints({
    ...(permitted.length > 0 ? { permittedSubtrees: trees(permitted) } : {}),
    ...(excluded.length > 0 ? { excludedSubtrees: trees(excluded) } : {}),
  })
}

function distinguishedName(commonName: string): Name {
  if (commonName === '') return new Name([])
  const value = new AttributeValue({ utf8String: commonName })
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: '2.5.4.3', value })])])
}

function signatureAlgorithm(key: KeyObject, hash: 'sha1' | 'sha256'): AlgorithmIdentifier {
  if (key.asymmetricKeyType === 'ed25519') return new AlgorithmIdentifier({ algorithm: '1.3.101.112' })
  const isEc = key.asymmetricKeyType === 'ec'
  const ec = hash === 'sha1' ? '1.2.840.10045.4.1' : '1.2.840.10045.4.3.2'
  const rsa = hash === 'sha1' ? '1.2.840.113549.1.1.5' : '1.2.840.113549.1.1.11'
  return new AlgorithmIdentifier({
    algorithm: isEc ? ec : rsa,
    ...(isEc ? {} : { parameters: new Uint8Array([5, 0]).buffer }),
  })
}
