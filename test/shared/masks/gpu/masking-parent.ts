/** Masks on a GPU for minutes, and says the id of its GPU child. To be killed. */
import { watchedEngine } from './watched-engine.ts'

const engine = watchedEngine()
await engine.adapter()
const seeds = Array.from({ length: 5000 }, () => ({ key: new Uint8Array(32), sign: 1 as const }))
const onProgress = () => console.log(engine.pid)
await engine.accumulate(new Uint32Array(4_000_000), seeds, { onProgress })
