/**
 * What every first call carries: the wire label and the software's version. Another label is refused, saying which side has
 * to be upgraded.
 */
import { WIRE_LABEL } from '../../shared/protocol/label.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { SOFTWARE_VERSION } from '../../shared/runtime/software-version.ts'

/** @throws ProtocolError `wire_label_mismatch`, `malformed`. */
export function checkFirstCall(request: { readonly wireLabel: string; readonly softwareVersion: string }): void {
  const { wireLabel, softwareVersion } = request
  refuseIf(
    !/^[0-9A-Za-z.+-]{1,64}$/.test(softwareVersion),
    'malformed',
    'software_version: 1 to 64 of letters, digits, dots, plus and hyphen',
  )
  checkLabel(wireLabel, `version ${softwareVersion}`)
}

/** @throws ProtocolError `wire_label_mismatch`. */
export function checkLabel(wireLabel: string, whose: string): void {
  const theirs = generation(wireLabel)
  const own = generation(WIRE_LABEL)
  const advice =
    theirs !== null && own !== null && theirs > own
      ? 'upgrade the coordinator'
      : `upgrade the caller to one that speaks ${WIRE_LABEL}`
  refuseIf(
    wireLabel !== WIRE_LABEL,
    'wire_label_mismatch',
    `this coordinator (version ${SOFTWARE_VERSION}) speaks ${WIRE_LABEL}, the caller (${whose}) another protocol; ${advice}`,
  )
}

function generation(label: string): number | null {
  const found = /^blindsum\/v([0-9]{1,6})$/.exec(label)?.[1]
  return found === undefined ? null : Number(found)
}
