/**
 * What the coordinator does when it cuts an arc off the ring by survivor lists: hands everybody a list, collects what they
 * sign, hands everybody a certificate, and takes what they reveal.
 */
import type { Roster } from '../../coordinator/protocol/session-state.ts'
import { decodeBitmap } from '../../shared/protocol/bitmap.ts'
import type { QuorumCertificate } from '../../shared/protocol/quorum-certificate.ts'
import { tell } from '../protocol/federation.ts'
import { siteAt, type Watched } from './recorded-session.ts'

/** U3 as each participant is told, a bitmap by its index. */
export type Lists = ReadonlyMap<number, Uint8Array>

/** A signature of its own for some list, by who signed. */
export type Signatures = ReadonlyMap<number, Uint8Array>

/** Stage 3: everybody on the lists hears its own. What they signed. */
export async function attestLists(federation: Watched, lists: Lists): Promise<Signatures> {
  const signatures = new Map<number, Uint8Array>()
  for (const [index, survivors] of lists) {
    const site = siteAt(federation, index)
    await tell(federation, site, { kind: 'attest-survivors', survivors })
    const said = site.sent.at(-1)
    if (said?.kind === 'attest-survivors') signatures.set(index, said.signature)
  }
  return signatures
}

/** Stage 4: everybody who signed hears the certificate made for it. */
export async function certifyLists(
  federation: Watched,
  signed: Iterable<number>,
  certificateFor: (index: number) => QuorumCertificate,
): Promise<void> {
  for (const index of signed) {
    await tell(federation, siteAt(federation, index), { kind: 'reveal-shares', certificate: certificateFor(index) })
  }
}

/** A certificate over one list by the first q of its members who have signed, whatever they have signed. */
export function certificateOver(
  { parameters, entries }: Roster,
  sets: { readonly shared: Uint8Array; readonly survivors: Uint8Array },
  signatures: Signatures,
): QuorumCertificate {
  const members = decodeBitmap(sets.survivors, entries.length) ?? []
  const signing = members.flatMap((index) => {
    const signature = signatures.get(index)
    return signature === undefined ? [] : [{ index, signature }]
  })
  return { ...sets, signatures: signing.slice(0, parameters.quorum) }
}
