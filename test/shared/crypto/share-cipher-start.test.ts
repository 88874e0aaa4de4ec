/** In a file of its own, because the cipher becomes ready once per process. */
import { expect, test } from 'vitest'
import { openShares, sealShares, shareCipherReady } from '../../../shared/crypto/share-cipher.ts'
import { InvariantError } from '../../../shared/errors.ts'
import { ascending } from '../../vectors/hex.ts'

test('sealing and opening before the cipher is ready is our bug; afterwards both work', async () => {
  const key = ascending(0, 32)
  const [plaintext, associatedData] = [ascending(1, 64), ascending(2, 8)]
  const seal = () => sealShares({ key, nonce: ascending(3, 24), plaintext, associatedData })
  expect(seal).toThrow(InvariantError)
  expect(() => openShares({ key, ciphertext: ascending(4, 104), associatedData })).toThrow(InvariantError)
  await shareCipherReady()
  expect(openShares({ key, ciphertext: seal(), associatedData })).toEqual(plaintext)
})
