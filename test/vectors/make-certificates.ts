/**
 * Makes certificates.json anew: one authority and four sites with certificates that are valid at the time of the session
 * vectors. Certificates carry random serial numbers and randomised signatures, so this is run by hand and never by the check.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createAuthority, signSvid } from '../../shared/authority/authority.ts'
import { testStream } from './generate/test-stream.ts'
import { hex } from './hex.ts'

const NOW_MS = 1_790_000_000_000
const TRUST_DOMAIN = 'vectors.example'
/** PKCS#8 of a P-256 key up to its scalar. */
const PRIVATE_KEY_HEADER = Buffer.from('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420', 'hex')

const authority = await createAuthority({ trustDomain: TRUST_DOMAIN, nowMs: NOW_MS })
const sites = []
for (const place of [1, 2, 3, 4]) {
  const spiffeId = `spiffe://${TRUST_DOMAIN}/site/${place}`
  const secretKey = testStream(`certificate key of ${spiffeId}`)(32)
  const der = Buffer.concat([PRIVATE_KEY_HEADER, secretKey])
  const publicKey = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  const certificate = await signSvid({ authority, spiffeId, publicKey, nowMs: NOW_MS })
  sites.push({ spiffeId, secretKey: hex(secretKey), certificateChain: [hex(certificate)] })
}
const source =
  'Made once by test/vectors/make-certificates.ts and kept: serial numbers and signatures of certificates are random. ' +
  'All bytes are hex; certificates are DER, leaf first; secret keys are P-256 scalars. Never use these keys for anything.'
const file = { source, nowMs: NOW_MS, trustDomain: TRUST_DOMAIN, authority: hex(authority.certificate), sites }
writeFileSync(new URL('certificates.json', import.meta.url), `${JSON.stringify(file, null, 2)}\n`)
