/** What a backup says of itself: `backup.json`, written last. */
import { z } from 'zod'

export const MANIFEST_FILE = 'backup.json'
export const BACKUP_FORMAT = 'blindsum/backup/v1'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const bytes = z.int().min(0)

export const backupManifest = z.strictObject({
  format: z.literal(BACKUP_FORMAT),
  madeAt: z.iso.datetime(),
  softwareVersion: z.string(),
  schemaVersion: z.int().min(1),
  /** Runs, published versions, and live sessions that were left out. */
  runs: z.int().min(0),
  versions: z.int().min(0),
  sessionsLeftOut: z.int().min(0),
  /** Hex SHA-256 of the PEM text of the public key that verifies the versions; null when there was none. */
  keyHint: sha256.nullable(),
  store: z.strictObject({ sha256, bytes }),
  blobs: z.array(z.strictObject({ sha256, bytes })),
})
export type BackupManifest = z.infer<typeof backupManifest>
