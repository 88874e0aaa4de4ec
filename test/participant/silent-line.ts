/** A line between agent and coordinator that can fall silent: connections stay open and nothing passes, as when a router fails. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export async function silentLine(port: number) {
  const sockets = new Set<Socket>()
  let isSilent = false
  let connections = 0
  const server = createServer((near) => {
    connections += 1
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        // A silent line does not say either that the other end has hung up.
        if (!isSilent) to.destroy()
      })
      from.on('data', (bytes) => {
        if (!isSilent) to.write(bytes)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    /** What is on the line from now on is lost; the connections that it knows stay lost when it speaks again. */
    fallSilent: () => {
      isSilent = true
    },
    speakAgain: () => {
      // The old connections have lost bytes: nobody may hear of them again.
      for (const socket of sockets) {
        socket.removeAllListeners('data')
        socket.on('data', () => {})
      }
      isSilent = false
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
