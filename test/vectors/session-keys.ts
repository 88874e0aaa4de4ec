/**
 * Keys and commitments of one made-up session, computed by an independent Python program from the text of the protocol
 * (hmac, hashlib, struct; X25519 by pyca/cryptography). They change only together with the version label.
 */
import { ascending } from './hex.ts'

export const session = {
  contextDigest: ascending(100, 32),
  rosterDigest: ascending(200, 32),
  /** The X25519 secret keys of u and v. */
  secretU: ascending(1, 32),
  secretV: ascending(50, 32),
  selfMaskSeed: ascending(9, 32),
  share: ascending(64, 32),
} as const

export const sessionKeys = {
  shareKeyFrom1To2: '53fb5c16aae68e7b3fa9e92a508167226ee46ff2f2859d23fca78a2ccf527031',
  pairwiseMaskKey7And300: '82c85778d5f1f96088b9a08f13c44d498fa55756ae300fbb80692286a40dbfcd',
  selfMaskKeyOf5: 'ad9534706816d53a0cbef642e1ed4048a0ff3e80be36508967d069f246697a7c',
} as const

/** Owner 3, holder 260. */
export const commitments = {
  selfMaskSeedShare: 'f0935b3d683594f2f4b60c6b79060107834b23561e5c39ae4172685c493d07da',
  maskKeyShare: '8756081e11ddf48cbf2b5cffab4573f09e8f3ba36e9fa86fd1305d3d2fb88968',
  selfMaskSeed: '75b4bce19ebf5587a135149a6ba7f85c4ef1d72edad26c1e576e1b8e8414b9f4',
} as const
