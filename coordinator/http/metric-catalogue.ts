/**
 * Every metric of our own by name: what it says and which labels it has. docs/metrics.md tells the same, and a test holds the
 * two together. A label never says whose: no participant, site, run or address, only words of a closed list.
 */

interface Described {
  readonly help: string
  readonly labels: readonly string[]
}

/** Only grow; those marked so are read from the store, and do not begin anew with the process. */
export const COUNTERS = {
  blindsum_calls_total: {
    help: 'Finished calls, by service, method and gRPC status.',
    labels: ['service', 'method', 'code'],
  },
  blindsum_request_bytes_total: {
    help: 'Bytes of decoded requests, by service and method.',
    labels: ['service', 'method'],
  },
  blindsum_upload_bytes_total: { help: 'Bytes of masked inputs received, with the messages around them.', labels: [] },
  blindsum_connections_accepted_total: { help: 'Accepted connections, by listener.', labels: ['listener'] },
  blindsum_connections_refused_total: {
    help: 'Connections refused or cut by the coordinator, by listener and code.',
    labels: ['listener', 'code'],
  },
  blindsum_mask_fallbacks_total: {
    help: 'Mask work done on a slower engine than the configured one, by code.',
    labels: ['code'],
  },
  blindsum_sessions_total: {
    help: 'Ended sessions, by outcome and reason; from the store.',
    labels: ['outcome', 'reason'],
  },
  blindsum_versions_total: {
    help: 'Published versions of all runs, initial models included; from the store.',
    labels: [],
  },
} as const satisfies Record<string, Described>

export const GAUGES = {
  blindsum_build_info: { help: 'Always 1; the label says which version of the software runs.', labels: ['version'] },
  blindsum_ready: { help: '1 when /readyz answers 200, else 0.', labels: [] },
  blindsum_calls_active: { help: 'Calls under way, by service and method.', labels: ['service', 'method'] },
  blindsum_connections: { help: 'Open connections, by listener.', labels: ['listener'] },
  blindsum_participants_connected: { help: 'How many participants attend.', labels: [] },
  blindsum_runs: { help: 'Runs, by state; from the store.', labels: ['state'] },
  blindsum_sessions_live: { help: 'Sessions that have not ended; from the store.', labels: [] },
  blindsum_data_folder_free_bytes: { help: 'Free space of the file system with the data folder.', labels: [] },
  blindsum_certificate_expiry_seconds: { help: 'When the own certificate expires, seconds since 1970.', labels: [] },
} as const satisfies Record<string, Described>

/** Bounds in seconds. */
export const HISTOGRAMS = {
  blindsum_call_seconds: {
    help: 'Duration of finished calls other than streams that stay open, by service and method.',
    labels: ['service', 'method'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
  },
  blindsum_mask_seconds: {
    help: 'Duration of taking masks off a sum.',
    labels: [],
    buckets: [0.01, 0.1, 0.5, 2, 10, 60, 300],
  },
} as const satisfies Record<string, Described & { readonly buckets: readonly number[] }>

/** What the client library adds about the process itself. */
export const PROCESS_METRIC_PREFIXES = ['process_', 'nodejs_'] as const

/** What a label value looks like: a SPIFFE ID, an address or a path is none. Others are told as `other`. */
export const LABEL_VALUE = /^[A-Za-z0-9_.-]{1,64}$/
