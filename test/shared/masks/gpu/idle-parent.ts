/** Masks a little on a GPU and says the id of its GPU child, which must not keep this process from ending. */
import { watchedEngine } from './watched-engine.ts'

const engine = watchedEngine()
await engine.accumulate(new Uint32Array(100), [{ key: new Uint8Array(32), sign: 1 }])
console.log(engine.pid)
