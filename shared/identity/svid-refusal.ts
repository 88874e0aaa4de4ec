/**
 * Why a certificate chain is not accepted: the closed list of codes, stable for logs, audit and tests, and the one
 * function through which every check of the validator refuses.
 */

export type SvidRefusal =
  | 'chain_empty'
  | 'chain_too_long'
  | 'chain_too_large'
  | 'certificate_malformed'
  | 'certificate_version'
  | 'extension_repeated'
  | 'extension_critical_unknown'
  | 'key_unsupported'
  | 'signature_algorithm_unsupported'
  | 'uri_san_missing'
  | 'uri_san_not_single'
  | 'san_not_critical'
  | 'spiffe_id_invalid'
  | 'spiffe_id_without_path'
  | 'trust_domain_wrong'
  | 'leaf_is_ca'
  | 'leaf_key_usage'
  | 'leaf_constrains_names'
  | 'key_usage_missing'
  | 'key_usage_not_critical'
  | 'extended_key_usage'
  | 'issuer_is_not_ca'
  | 'issuer_key_usage'
  | 'issuer_spiffe_id'
  | 'issuer_untrusted'
  | 'path_length_exceeded'
  | 'name_constraint_unsupported'
  | 'name_constraint_violated'
  | 'not_yet_valid'
  | 'expired'

/** Carries a refusal up to the validator's door, where it becomes a returned verdict; it never leaves this folder. */
export class Refusal extends Error {
  readonly code: SvidRefusal

  constructor(code: SvidRefusal, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Refusal'
    this.code = code
  }
}

/**
 * Refuses with `code` if `condition` holds. `message` says what was expected and what came, never bytes; one that costs
 * something to write comes as a function.
 */
export function refuseIf(condition: boolean, code: SvidRefusal, message: string | (() => string)): void {
  if (condition) throw new Refusal(code, typeof message === 'string' ? message : message())
}
