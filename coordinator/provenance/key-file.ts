/**
 * The signing key's two files: the private key (PKCS#8 PEM, readable by its owner only) and beside it the public one
 * (SPKI PEM). A file appears whole or not at all; an existing key is never replaced, because every version signed with
 * it would lose its verifier.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { createFile } from '../../shared/authority/atomic-file.ts'
import { ConfigError } from '../../shared/errors.ts'

export interface SigningKeyFiles {
  readonly privateKey: KeyObject
  readonly publicKeyPem: string
  readonly publicKeyFile: string
  readonly keyHint: string
}

/** Loads the key, or makes it where there is none. */
export function loadOrCreateKey(keyFile: string): SigningKeyFiles {
  const privateKey = loadKey(keyFile) ?? createKey(keyFile)
  const publicKeyPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()
  const publicKeyFile = publicKeyFileOf(keyFile)
  const present = readIfThere(publicKeyFile)
  if (present === null) writeNew(publicKeyFile, publicKeyPem, 0o644)
  else if (present !== publicKeyPem) {
    refuse(`${publicKeyFile} holds another key than ${keyFile}; move it away and start again to have it written anew`)
  }
  const keyHint = createHash('sha256').update(publicKeyPem).digest('hex')
  return { privateKey, publicKeyPem, publicKeyFile, keyHint }
}

/** `signer.pem` → `signer.pub.pem`. */
export function publicKeyFileOf(keyFile: string): string {
  return `${keyFile.replace(/\.pem$/, '')}.pub.pem`
}

function loadKey(keyFile: string): KeyObject | null {
  const pem = readIfThere(keyFile)
  if (pem === null) return null
  const mode = statSync(keyFile).mode & 0o777
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    refuse(`${keyFile} can be read by others (mode ${mode.toString(8)}); run: chmod 600 ${keyFile}`)
  }
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    refuse(`${keyFile} is not an unencrypted PEM private key`, cause)
  }
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (key.asymmetricKeyType !== 'ec' || curve !== 'prime256v1') {
    const found = [key.asymmetricKeyType, curve].filter(Boolean).join(' ')
    refuse(`${keyFile} holds a key of type ${found}; provenance is signed with ECDSA P-256 (prime256v1)`)
  }
  return key
}

function createKey(keyFile: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  writeNew(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600)
  return privateKey
}

function writeNew(file: string, content: string, mode: number): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    createFile(file, content, mode)
  } catch (cause) {
    refuse(`${file} cannot be written: ${(cause as Error).message}`, cause)
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    refuse(`${file} cannot be read: ${(cause as Error).message}`, cause)
  }
}

function refuse(problem: string, cause?: unknown): never {
  throw new ConfigError('bad_signing_key', problem, { cause })
}
