/** The generated code is that of the .proto files: `npm run proto` was run after the last change to either. */
import { expect, test } from 'vitest'
import { fingerprint, storedFingerprint } from '../../proto/fingerprint.ts'

test('generated code has not drifted from the .proto files', () => {
  expect(fingerprint()).toBe(storedFingerprint())
})
