/** A growing column of numbers in double precision. */
export class NumberColumn {
  #data = new Float64Array(256);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#data.length) {
      const larger = new Float64Array(this.#data.length * 2);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.#length++] = value;
  }

  /** The numbers so far; a view that later pushes may leave behind. */
  values(): Float64Array {
    return this.#data.subarray(0, this.#length);
  }
}
