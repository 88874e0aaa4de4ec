/**
 * Verifies an exported model version from files alone. In: the folder, and what the reader trusts from elsewhere: the
 * coordinator's public key and the sites' trust bundle. Out: the links of the chain, up to the first that is broken.
 * What it proves, and what not (that the model is the sum of what the receipts name), stands in docs/provenance.md.
 */
import type { TrustBundle } from '../../identity/trust-bundle.ts'
import type { Plan } from '../../plan/plan.ts'
import { chainPath, PROVENANCE_PATH } from '../export-layout.ts'
import type { VersionRecord } from '../version-record.ts'
import type { ExportFolder } from './export-folder.ts'
import { followsPlan, holdsOnlyItsFiles, modelIsSubject, planIsNamed } from './folder-link.ts'
import { type Follow, followLinks, type Link } from './link.ts'
import type { ProvenanceKey } from './public-key.ts'
import { certificatesHold, receiptsHold } from './receipt-link.ts'
import { sessionHolds } from './session-link.ts'
import { continues, namedByChild, signedStatement } from './statement-link.ts'

/** What the reader trusts, none of it from the folder. */
export interface TrustAnchors {
  readonly key: ProvenanceKey
  /** The sites' authorities; without it nothing says whose keys signed the receipts. */
  readonly trustBundle: TrustBundle | null
  /** True when the reader asked to do without. */
  readonly receiptsWaived: boolean
}

/** One version of the lineage, from its verified statement. */
export interface VersionSummary {
  readonly version: number
  readonly modelSha256: string
  /** Null for version 0. */
  readonly survivors: number | null
  readonly rosterSize: number | null
  readonly metrics: Readonly<Record<string, number>>
  readonly finishedAtMs: number
  /** True when every link of this version holds. */
  readonly ok: boolean
}

export interface VerificationReport {
  readonly ok: boolean
  /** The version in the folder; null when its statement was not accepted. */
  readonly version: number | null
  readonly run: { readonly id: string; readonly name: string; readonly builder: string } | null
  readonly receipts: 'checked' | 'waived' | 'not_checked'
  /** Newest version first; every one whose statement was accepted. */
  readonly lineage: readonly VersionSummary[]
  readonly links: readonly Link[]
  readonly firstBroken: Link | null
}

/** Follows every link from the model in the folder back to version 0; `onLink` hears of each as it is found. */
export function verifyVersion(
  folder: ExportFolder,
  anchors: TrustAnchors,
  onLink: (link: Link) => void = () => {},
): VerificationReport {
  const accepted: VersionRecord[] = []
  const followed = followLinks((follow) => {
    const head = follow('provenance', null, () => signedStatement(folder, PROVENANCE_PATH, anchors.key))
    accepted.push(head)
    follow('folder', head.version, () => holdsOnlyItsFiles(folder, head))
    follow('model', head.version, () => modelIsSubject(folder, head))
    const plan = follow('plan', head.version, () => planIsNamed(folder, head))
    for (let version = head; ; ) {
      followMaking({ follow, folder, plan, anchors }, version)
      if (version.parent === null) return
      version = followToParent(follow, { folder, anchors }, version)
      accepted.push(version)
    }
  }, onLink)
  const links = withVerdictOnReceipts(followed, anchors)
  return report(links, accepted, anchors)
}

interface Walk {
  readonly follow: Follow
  readonly folder: ExportFolder
  readonly plan: Plan
  readonly anchors: TrustAnchors
}

/** How one version came to be: from the plan, or from a session of the sites. */
function followMaking({ follow, folder, plan, anchors }: Walk, record: VersionRecord): void {
  const { version, parent, session } = record
  follow('plan', version, () => followsPlan(plan, record))
  if (parent === null || session === null) return
  const made = { ...record, parent, session }
  const held = follow('session', version, () => sessionHolds(folder, plan, made))
  follow('receipts', version, () => receiptsHold(plan, made, held))
  const { trustBundle } = anchors
  if (trustBundle !== null) follow('certificates', version, () => certificatesHold(plan, held, trustBundle))
}

/** From a version to the statement it names as its parent. */
function followToParent(follow: Follow, walk: Pick<Walk, 'folder' | 'anchors'>, child: VersionRecord): VersionRecord {
  const version = child.version - 1
  const path = chainPath(version)
  follow('lineage', version, () => namedByChild(walk.folder, path, child))
  const parent = follow('provenance', version, () => signedStatement(walk.folder, path, walk.anchors.key))
  follow('lineage', version, () => continues(parent, child))
  return parent
}

/** Receipts that nobody vouches for are a broken link of their own, unless the reader waived them. */
function withVerdictOnReceipts(links: readonly Link[], anchors: TrustAnchors): readonly Link[] {
  const done = anchors.trustBundle !== null || anchors.receiptsWaived || links.some((link) => !link.ok)
  if (done) return links
  const detail = 'receipts not checked: no trust bundle was given, so nothing says whose keys signed them'
  return [...links, { name: 'certificates', version: null, ok: false, code: 'receipts_not_checked', detail }]
}

function report(links: readonly Link[], accepted: readonly VersionRecord[], anchors: TrustAnchors): VerificationReport {
  const [head] = accepted
  const firstBroken = links.find((link) => !link.ok) ?? null
  return {
    ok: firstBroken === null,
    version: head?.version ?? null,
    run: head === undefined ? null : { id: head.runId, name: head.runName, builder: head.coordinatorId },
    receipts: anchors.trustBundle !== null ? 'checked' : anchors.receiptsWaived ? 'waived' : 'not_checked',
    lineage: accepted.map((record) => ({
      version: record.version,
      modelSha256: record.model.sha256,
      survivors: record.session?.survivors.length ?? null,
      rosterSize: record.session?.rosterSize ?? null,
      metrics: record.metrics,
      finishedAtMs: record.finishedAtMs,
      ok: !links.some((link) => !link.ok && link.version === record.version),
    })),
    links,
    firstBroken,
  }
}
