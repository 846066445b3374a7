/** Random choices from a seed: the same seed makes the same choices, on every machine. */

export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 (inclusive) to 1 (exclusive). The generator is mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both inclusive. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** Each choice is equally likely. */
  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new RangeError('there is nothing to choose from');
    return choices[Math.floor(this.next() * choices.length)];
  }

  /** Choices by weight: `{ list: 3, create: 1 }` gives `list` three times of four. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [choice, weight] of entries) if ((left -= weight) < 0) return choice;
    return entries[entries.length - 1][0];
  }

  /** The first choices are the most likely: the nth has the weight 1/n, as people and pages have. */
  zipf<T>(choices: readonly T[]): T {
    let left = this.next() * choices.reduce((sum, _, i) => sum + 1 / (i + 1), 0);
    for (const [i, choice] of choices.entries()) if ((left -= 1 / (i + 1)) < 0) return choice;
    return this.pick(choices);
  }
}
