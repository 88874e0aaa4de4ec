/** Listening on a port, with faults a person can mend told as such. */
import type { Server } from 'node:net'
import { ConfigError } from '../errors.ts'

/** Resolves once `server` listens on `host:port`; throws ConfigError for a port or host that cannot be had. */
export async function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'EADDRINUSE') {
      const problem = `port ${port} on ${host} is in use, perhaps by another coordinator; stop it or configure another port`
      throw new ConfigError('port_in_use', problem, { cause })
    }
    if (code === 'EACCES') {
      const problem = `this user may not listen on port ${port}; configure a port above 1023`
      throw new ConfigError('port_not_permitted', problem, { cause })
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
      const problem = `${host} is no address of this machine; configure one that is, such as 127.0.0.1 or 0.0.0.0`
      throw new ConfigError('host_not_here', problem, { cause })
    }
    throw cause
  }
}
