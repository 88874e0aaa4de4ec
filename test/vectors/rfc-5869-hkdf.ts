/** RFC 5869, appendix A.1 to A.3 (SHA-256): the first 32 bytes of each output keying material, which is what we derive. */
import { ascending } from './hex.ts'

export const hkdfSha256 = [
  {
    name: 'A.1',
    secret: new Uint8Array(22).fill(0x0b),
    salt: ascending(0x00, 13),
    info: ascending(0xf0, 10),
    output: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf',
  },
  {
    name: 'A.2',
    secret: ascending(0x00, 80),
    salt: ascending(0x60, 80),
    info: ascending(0xb0, 80),
    output: 'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c',
  },
  {
    name: 'A.3',
    secret: new Uint8Array(22).fill(0x0b),
    salt: new Uint8Array(0),
    info: new Uint8Array(0),
    output: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
  },
] as const
