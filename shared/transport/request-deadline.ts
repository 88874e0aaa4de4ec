/**
 * Ends streams that hold memory for nothing: a request that is not whole after its deadline, and a request that goes on
 * after its answer. gRPC keeps the pieces of an unfinished message outside the receive window, for as long as the stream
 * lives.
 */
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'

/** How long a peer may take to end its side once it has been answered. */
const AFTERLIFE_MS = 2000

/** Watches every stream of `session`. Calls of `streamingPaths` send for as long as their handlers let them. */
export function endSlowRequests(
  session: ServerHttp2Session,
  {
    requestDeadlineMs,
    streamingPaths,
  }: { readonly requestDeadlineMs: number; readonly streamingPaths: ReadonlySet<string> },
): void {
  session.on('stream', (stream, headers) => {
    if (!streamingPaths.has(headers[':path'] ?? '')) endUnlessWhole(stream, requestDeadlineMs)
    stream.once('finish', () => endUnlessWhole(stream, AFTERLIFE_MS))
  })
}

function endUnlessWhole(stream: ServerHttp2Stream, inMs: number): void {
  const timer = setTimeout(() => {
    if (stream.destroyed || stream.state.state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE) return
    stream.close(constants.NGHTTP2_CANCEL)
    stream.destroy()
  }, inMs)
  timer.unref()
  stream.once('close', () => clearTimeout(timer))
}
