/** A Float32Array that grows as rows arrive, for files whose number of rows is not known before their end. */
export class GrowingFloats {
  #values = new Float32Array(1024)
  #length = 0

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float32Array(2 * this.#length)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#length++] = value
  }

  finish(): Float32Array {
    return this.#values.slice(0, this.#length)
  }
}
