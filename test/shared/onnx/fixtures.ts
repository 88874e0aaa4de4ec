/**
 * Models written by a real exporter: torch.onnx.export of PyTorch 1.13 (opset 16, dynamic batch), see fixtures/README.md.
 */
import { readFile } from 'node:fs/promises'

export async function readFixture(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(`./fixtures/${name}.onnx`, import.meta.url)))
}
