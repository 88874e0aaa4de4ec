/**
 * The coordinator's HTTP listener, for those who run it: `/healthz` (the process answers), `/readyz` (it takes calls) and
 * `/metrics`. It reads nothing but the first line of a request, changes nothing, and knows nobody, so it is meant for
 * loopback or a network of one's own.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listen } from '../../shared/transport/listen.ts'
import type { ReadableMetrics } from './prometheus.ts'

/** What has to hold before calls are taken; `null` is fine, anything else says why not. */
export interface ReadinessCheck {
  readonly name: string
  readonly look: () => Promise<string | null> | string | null
}

export interface HttpServerRequest {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly readiness: readonly ReadinessCheck[]
  readonly metrics: ReadableMetrics
}

export interface HttpServer {
  /** `host:port`. */
  readonly address: string
  readonly port: number
  /** Ends at once: nobody loses anything. */
  close(): Promise<void>
}

/** A probe and a scraper or two; whoever holds connections open takes them from nobody but their like. */
const MAX_CONNECTIONS = 64
const MAX_HEADER_BYTES = 8 * 1024
const HEADERS_TIMEOUT_MS = 5000
const REQUEST_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 5000
const CHECK_EVERY_MS = 1000
const MAX_REQUESTS_PER_SOCKET = 1000

/** Starts listening. @throws ConfigError `port_in_use`, `port_not_permitted`, `host_not_here`. */
export async function startHttpServer(request: HttpServerRequest): Promise<HttpServer> {
  const { host } = request
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
  }
  const server = createServer(limits, (incoming, reply) => {
    answer(incoming, reply, request).catch(() => send(reply, { status: 500, body: 'failed; see the log\n' }))
  })
  server.maxConnections = MAX_CONNECTIONS
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET
  await listen(server, request)
  const { port } = server.address() as AddressInfo
  return {
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(incoming: IncomingMessage, reply: ServerResponse, request: HttpServerRequest): Promise<void> {
  incoming.resume()
  if (incoming.method !== 'GET' && incoming.method !== 'HEAD') {
    send(reply, { status: 405, body: 'GET and HEAD only\n', headers: { allow: 'GET, HEAD' } })
    return
  }
  switch (incoming.url?.split('?')[0]) {
    case '/healthz':
      send(reply, { status: 200, body: 'ok\n' })
      return
    case '/readyz': {
      const { isReady, lines } = await readinessOf(request.readiness)
      send(reply, { status: isReady ? 200 : 503, body: lines })
      return
    }
    case '/metrics': {
      const body = await request.metrics.read()
      send(reply, { status: 200, body, headers: { 'content-type': request.metrics.contentType } })
      return
    }
    default:
      send(reply, { status: 404, body: 'there are /healthz, /readyz and /metrics\n' })
  }
}

/** One line per check, and whether all hold. A check that throws does not hold. */
export async function readinessOf(
  checks: readonly ReadinessCheck[],
): Promise<{ readonly isReady: boolean; readonly lines: string }> {
  const found = await Promise.all(
    checks.map(async ({ name, look }) => {
      try {
        return { name, problem: await look() }
      } catch (error) {
        return { name, problem: error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'failed' }
      }
    }),
  )
  const lines = found.map(({ name, problem }) => `${name}: ${problem ?? 'ok'}\n`).join('')
  return { isReady: found.every(({ problem }) => problem === null), lines }
}

function send(
  reply: ServerResponse,
  { status, body, headers = {} }: { readonly status: number; readonly body: string; readonly headers?: object },
): void {
  if (reply.headersSent) return
  reply.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  // Node leaves the body of an answer to HEAD out by itself.
  reply.end(body)
}
