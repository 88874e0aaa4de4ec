/**
 * What becomes of every class of bad value in every field: the code, and the classes that get it. The first column is the
 * message as a stranger could change it, the second, where it differs, as its sender could, who signs the change. Rows that
 * are taken say what is not judged by the receiver: free text, an owner's own secrets and commitments, other good keys of the
 * sender's own, a new session's id, and what belongs to the site's preparation, which judges it by itself.
 */

export type Expectation = readonly [byAnybody: string, bySender?: string]

export const BAD_FIELDS: Readonly<Record<string, Expectation>> = {
  'HelloRequest.wire_label': ['wire_label_mismatch: empty, another bit, long'],
  'HelloRequest.software_version': ['malformed: empty, long; accepted: another bit'],
  'AttendRequest.wire_label': ['wire_label_mismatch: empty, another bit, long'],
  'AttendRequest.software_version': ['malformed: empty, long; accepted: another bit'],
  'DownloadRequest.digest': ['malformed: empty, short, long; not_found: zeros, another bit'],
  'ReadyReport.run_id': ['late: empty, another bit, long'],
  'ReadyReport.round': ['late: zero, n + 1, 2^32 - 1'],
  'ReadyReport.attempt': ['late: zero, n + 1, 2^32 - 1'],
  'ReadyReport.model_digest': ['digest_mismatch: empty, short, long, zeros, another bit'],
  'ReadyReport.code': ['accepted: empty, another bit, long'],
  'ReadyReport.message': ['accepted: empty, another bit, long'],
  'AdvertiseKeysRequest.session_id': ['wrong_session: empty, short, long, zeros, another bit'],
  'AdvertiseKeysRequest.entry': ['malformed: missing'],
  'AdvertiseKeysRequest.entry.spiffe_id': ['identity_mismatch: empty, another bit, long'],
  'AdvertiseKeysRequest.entry.channel_key': [
    'malformed: empty, short, long; unacceptable_key: zeros, small order, not canonical; bad_signature: another bit',
    'accepted: another bit',
  ],
  'AdvertiseKeysRequest.entry.mask_key': [
    'malformed: empty, short, long; unacceptable_key: zeros, small order, not canonical; bad_signature: another bit',
    'accepted: another bit',
  ],
  'AdvertiseKeysRequest.entry.signing_key': [
    'malformed: empty, short, long; unacceptable_key: zeros, no point; bad_signature: another key',
    'accepted: another key',
  ],
  'AdvertiseKeysRequest.entry.advertised_at_ms': ['advertised_too_early_or_late: zero, 2^32 - 1'],
  'AdvertiseKeysRequest.entry.certificate_chain': [
    'certificate_refused: none, twice, empty, another bit; malformed: many',
  ],
  'AdvertiseKeysRequest.entry.signature': ['malformed: empty, short, long; bad_signature: zeros, another bit'],
  'ShareKeysRequest.session_id': ['wrong_session: empty, short, long, zeros, another bit'],
  'ShareKeysRequest.deal': ['malformed: missing'],
  'ShareKeysRequest.deal.owner': ['identity_mismatch: zero, n + 1, 2^32 - 1'],
  'ShareKeysRequest.deal.self_seed_commitment': [
    'malformed: empty, short, long; bad_signature: zeros, another bit',
    'accepted: zeros, another bit',
  ],
  'ShareKeysRequest.deal.leaves': ['malformed: none, twice, reversed, many'],
  'ShareKeysRequest.deal.leaves.holder': ['malformed: zero, n + 1, 2^32 - 1'],
  'ShareKeysRequest.deal.leaves.ciphertext_digest': [
    'malformed: empty, short, long; digest_mismatch: zeros, another bit',
    'accepted: empty, short, long, zeros, another bit',
  ],
  'ShareKeysRequest.deal.leaves.self_share_commitment': [
    'malformed: empty, short, long; bad_signature: zeros, another bit',
    'accepted: zeros, another bit',
  ],
  'ShareKeysRequest.deal.leaves.mask_key_share_commitment': [
    'malformed: empty, short, long; bad_signature: zeros, another bit',
    'accepted: zeros, another bit',
  ],
  'ShareKeysRequest.deal.ciphertexts': ['malformed: none, twice, reversed, many'],
  'ShareKeysRequest.deal.ciphertexts.holder': ['malformed: zero, n + 1, 2^32 - 1'],
  'ShareKeysRequest.deal.ciphertexts.ciphertext': [
    'malformed: empty, short, long; digest_mismatch: zeros, another bit',
    'accepted: zeros, another bit',
  ],
  'ShareKeysRequest.deal.signature': ['malformed: empty, short, long; bad_signature: zeros, another bit'],
  'ReportNoShareRequest.session_id': ['wrong_session: empty, short, long, zeros, another bit'],
  'ReportNoShareRequest.no_share': ['malformed: missing'],
  'ReportNoShareRequest.no_share.owner': ['malformed: zero, n + 1, 2^32 - 1'],
  'ReportNoShareRequest.no_share.ciphertext_digest': [
    'malformed: empty, short, long; digest_mismatch: zeros, another bit',
  ],
  'ReportNoShareRequest.no_share.signature': ['malformed: empty, short, long; bad_signature: zeros, another bit'],
  'SessionRequest.session_id': ['wrong_session: empty, short, long, zeros, another bit'],
  'UploadPart.header': ['malformed: missing'],
  'UploadPart.header.session_id': ['wrong_session: empty, short, long, zeros, another bit'],
  'UploadPart.header.total_bytes': ['wrong_length: zero, 2^32 - 1'],
  'UploadPart.header.offset': ['accepted: zero; wrong_length: 2^32 - 1'],
  'UploadPart.chunk': ['wrong_length: empty, short, long; digest_mismatch: zeros, another bit'],
  'UploadPart.contribution': ['malformed: missing'],
  'UploadPart.contribution.digest': ['malformed: empty, short, long; digest_mismatch: zeros, another bit'],
  'UploadPart.contribution.signature': ['malformed: empty, short, long; bad_signature: zeros, another bit'],
  'AttestSurvivorsRequest.session_id': ['wrong_session: empty, short, long, zeros, another bit'],
  'AttestSurvivorsRequest.attestation': ['malformed: missing'],
  'AttestSurvivorsRequest.attestation.signature': ['malformed: empty, short, long; bad_signature: zeros, another bit'],
  'RevealSharesRequest.session_id': ['wrong_session: empty, short, long, zeros, another bit'],
  'RevealSharesRequest.reveal': ['malformed: missing'],
  'RevealSharesRequest.reveal.shares': ['malformed: none, twice, reversed, many'],
  'RevealSharesRequest.reveal.shares.owner': ['malformed: zero, n + 1, 2^32 - 1'],
  'RevealSharesRequest.reveal.shares.self_mask_seed': [
    'malformed: empty, short, long; share_off_commitment: zeros, another bit',
  ],
  'RevealSharesRequest.reveal.shares.mask_key': [
    'malformed: empty, short, long; share_off_commitment: zeros, another bit, small order, not canonical',
  ],
  'RevealSharesRequest.reveal.shares.none': ['malformed: missing'],
  'WithdrawRequest.session_id': ['wrong_session: empty, short, long, zeros, another bit'],
  'WithdrawRequest.code': ['accepted: empty, another bit, long'],
  'WithdrawRequest.message': ['accepted: empty, another bit, long'],
  'Instruction.run_id': ['not_ready: empty, another bit, long'],
  'Instruction.round': ['not_ready: zero, n + 1, 2^32 - 1'],
  'Instruction.session_id': ['malformed: empty, short, long; said advertise-keys: zeros, another bit'],
  'Instruction.idle': ['malformed: missing'],
  'Instruction.idle.reason': ['said withdraw: empty, another bit, long'],
  'Instruction.prepare': ['malformed: missing'],
  'Instruction.prepare.plan_digest': ['said withdraw: empty, short, long, zeros, another bit'],
  'Instruction.prepare.model_digest': ['said withdraw: empty, short, long, zeros, another bit'],
  'Instruction.prepare.version': ['said withdraw: zero, n + 1, 2^32 - 1'],
  'Instruction.prepare.attempt': ['said withdraw: zero, n + 1, 2^32 - 1'],
  'Instruction.advertise_keys': ['malformed: missing'],
  'Instruction.advertise_keys.plan_digest': ['not_ready: empty, short, long, zeros, another bit'],
  'Instruction.advertise_keys.model_digest': ['not_ready: empty, short, long, zeros, another bit'],
  'Instruction.advertise_keys.version': ['said advertise-keys: zero; not_ready: n + 1, 2^32 - 1'],
  'Instruction.share_keys': ['malformed: missing'],
  'Instruction.share_keys.own_index': ['roster_disagrees: zero, n + 1, 2^32 - 1'],
  'Instruction.share_keys.lines': [
    'cohort_too_small: empty; malformed: short, long; roster_disagrees: zeros, another bit',
    'said share-keys: another bit',
  ],
  'Instruction.share_keys.neighbours': ['neighbours_disagree: none, twice, reversed, many'],
  'Instruction.share_keys.neighbours.index': ['neighbours_disagree: zero, n + 1, 2^32 - 1'],
  'Instruction.share_keys.neighbours.entry': ['malformed: missing'],
  'Instruction.share_keys.neighbours.entry.spiffe_id': [
    'roster_disagrees: empty, another bit, long',
    'roster_disagrees: another bit, long',
  ],
  'Instruction.share_keys.neighbours.entry.channel_key': [
    'malformed: empty, short, long; roster_disagrees: zeros, another bit, small order, not canonical',
    'unacceptable_key: zeros, small order, not canonical; said share-keys: another bit',
  ],
  'Instruction.share_keys.neighbours.entry.mask_key': [
    'malformed: empty, short, long; roster_disagrees: zeros, another bit, small order, not canonical',
    'unacceptable_key: zeros, small order, not canonical; said share-keys: another bit',
  ],
  'Instruction.share_keys.neighbours.entry.signing_key': [
    'malformed: empty, short, long; roster_disagrees: zeros, no point, another key',
    'unacceptable_key: zeros, no point; said share-keys: another key',
  ],
  'Instruction.share_keys.neighbours.entry.advertised_at_ms': [
    'roster_disagrees: zero, 2^32 - 1',
    'advertised_too_early_or_late: zero, 2^32 - 1',
  ],
  'Instruction.share_keys.neighbours.entry.certificate_chain': [
    'roster_disagrees: none, twice, empty, another bit; malformed: many',
    'certificate_refused: none, twice, empty, another bit',
  ],
  'Instruction.share_keys.neighbours.entry.signature': [
    'malformed: empty, short, long; roster_disagrees: zeros, another bit',
  ],
  'Instruction.share_keys.threshold': ['no_parameters: zero, n + 1, 2^32 - 1'],
  'Instruction.mask_input': ['malformed: missing'],
  'Instruction.mask_input.shared': [
    'malformed: empty, short, long, padding; not_in_shared_set: zeros; ciphertexts_disagree: another bit',
  ],
  'Instruction.mask_input.deals': ['ciphertexts_disagree: none, twice, reversed, many'],
  'Instruction.mask_input.deals.owner': ['ciphertexts_disagree: zero, n + 1, 2^32 - 1'],
  'Instruction.mask_input.deals.ciphertext': [
    'bad_signature: empty, short, long, zeros, another bit',
    'said no-share, contribution: empty, short, long, zeros, another bit',
  ],
  'Instruction.mask_input.deals.leaf': ['malformed: missing'],
  'Instruction.mask_input.deals.leaf.holder': ['bad_signature: zero, n + 1, 2^32 - 1'],
  'Instruction.mask_input.deals.leaf.ciphertext_digest': [
    'malformed: empty, short, long; bad_signature: zeros, another bit',
    'said contribution: empty, short, long, zeros, another bit',
  ],
  'Instruction.mask_input.deals.leaf.self_share_commitment': [
    'malformed: empty, short, long; bad_signature: zeros, another bit',
    'said no-share, contribution: zeros, another bit',
  ],
  'Instruction.mask_input.deals.leaf.mask_key_share_commitment': [
    'malformed: empty, short, long; bad_signature: zeros, another bit',
    'said no-share, contribution: zeros, another bit',
  ],
  'Instruction.mask_input.deals.path': [
    'bad_signature: none, twice, reversed, many, another bit; malformed: empty',
    'said contribution: none, twice, reversed, many, empty, another bit',
  ],
  'Instruction.mask_input.deals.root': [
    'malformed: empty, short, long; bad_signature: zeros, another bit',
    'said contribution: empty, short, long, zeros, another bit',
  ],
  'Instruction.mask_input.deals.self_seed_commitment': [
    'malformed: empty, short, long; bad_signature: zeros, another bit',
    'said contribution: zeros, another bit',
  ],
  'Instruction.mask_input.deals.signature': ['malformed: empty, short, long; bad_signature: zeros, another bit'],
  'Instruction.attest_survivors': ['malformed: missing'],
  'Instruction.attest_survivors.survivors': [
    'malformed: empty, short, long, padding; not_in_survivors: zeros; said attest-survivors: another bit',
  ],
  'Instruction.reveal_shares': ['malformed: missing'],
  'Instruction.reveal_shares.shared': [
    'malformed: empty, short, long; another_survivor_set: zeros, another bit, padding',
  ],
  'Instruction.reveal_shares.survivors': ['another_survivor_set: empty, short, long, zeros, another bit, padding'],
  'Instruction.reveal_shares.signers': ['malformed: empty, short, long, zeros, another bit, padding'],
  'Instruction.reveal_shares.signatures': ['malformed: empty, short, long; bad_quorum_certificate: zeros, another bit'],
  'Instruction.session_over': ['malformed: missing'],
  'Instruction.session_over.reason': ['followed: empty, another bit, long'],
}

/** Fields in which every value of the type is a good one. */
export const ANY_VALUE: readonly string[] = ['ReadyReport.ready', 'Instruction.session_over.completed']
