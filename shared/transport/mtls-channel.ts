/**
 * The dialling side: what a generated gRPC client needs to reach one server by its SPIFFE ID. TLS 1.3, our certificate,
 * and the server's whole chain checked by `validateSvid` and compared with the expected id; DNS names prove nothing here.
 */
import { type ChannelCredentials, type ChannelOptions, credentials, type ServiceError } from '@grpc/grpc-js'
import { ConfigError } from '../errors.ts'
import { parseWorkloadId } from '../identity/spiffe-id.ts'
import { type SvidRefusal, validateSvid } from '../identity/validate-svid.ts'
import type { IdentitySource } from './identity-source.ts'
import { MAX_MESSAGE_BYTES, MAX_REPLY_BYTES } from './limits.ts'
import { presentedChain } from './presented-chain.ts'
import { clientSecureContext } from './tls-context.ts'
import { explainFailure, type TransportFailure } from './transport-failure.ts'

/** Why a server was refused by us. */
export interface ServerRefusal {
  readonly code: SvidRefusal | 'server_id_wrong'
  readonly message: string
}

/** Pass `target`, `credentials` and `options` to a generated client's constructor. */
export interface MtlsChannel {
  readonly target: string
  readonly credentials: ChannelCredentials
  readonly options: ChannelOptions
  /** Says in words a person can act on why a call over this channel failed. */
  explain(error: ServiceError): TransportFailure
}

const ADDRESS = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/
const DOWNLOAD_WINDOW_BYTES = 4 * 1024 * 1024

/**
 * Prepares a channel to `address` (`host:port`), where only `expectedServerId` will be spoken to. It presents the
 * identity as it is now; after a rotation, make a new channel. Throws ConfigError `address_invalid` or
 * `server_id_invalid`.
 */
export function mtlsChannel(request: {
  readonly address: string
  readonly identity: IdentitySource
  readonly expectedServerId: string
}): MtlsChannel {
  const { address, identity, expectedServerId } = request
  const trustDomain = checkRequest(address, expectedServerId)
  let refusal: ServerRefusal | null = null
  // Node asks this only after OpenSSL accepted the chain, and never for a resumed session: grpc-js resumes none.
  const checkServerIdentity = (_host: string, certificate: Parameters<typeof presentedChain>[0]) => {
    const verdict = validateSvid(presentedChain(certificate), identity.current().bundle, Date.now())
    if (!verdict.ok) refusal = { code: verdict.code, message: verdict.message }
    else if (verdict.spiffeId !== expectedServerId) {
      refusal = { code: 'server_id_wrong', message: `expected ${expectedServerId}, found ${verdict.spiffeId}` }
    } else refusal = null
    return refusal === null ? undefined : new Error(`server refused (${refusal.code}): ${refusal.message}`)
  }
  return {
    target: `dns:${address}`,
    credentials: credentials.createFromSecureContext(clientSecureContext(identity.current()), { checkServerIdentity }),
    options: {
      'grpc.ssl_target_name_override': trustDomain,
      'grpc.default_authority': trustDomain,
      'grpc.max_receive_message_length': MAX_REPLY_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc-node.flow_control_window': DOWNLOAD_WINDOW_BYTES,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 15_000,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.enable_retries': 0,
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 500,
      'grpc.max_reconnect_backoff_ms': 15_000,
      'grpc.enable_channelz': 0,
    },
    explain: (error) => explainFailure(error, { address, expectedServerId, refusal }),
  }
}

function checkRequest(address: string, expectedServerId: string): string {
  const port = Number(ADDRESS.exec(address)?.[1] ?? 0)
  if (port < 1 || port > 65_535) {
    throw new ConfigError(
      'address_invalid',
      `${JSON.stringify(address)} is not host:port, such as coordinator.example:7443`,
    )
  }
  const parsed = parseWorkloadId(expectedServerId)
  if (parsed.ok) return parsed.id.trustDomain
  throw new ConfigError('server_id_invalid', `the server's SPIFFE ID cannot be used: ${parsed.message}`)
}
