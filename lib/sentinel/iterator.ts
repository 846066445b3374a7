/** The list of Sentinels that a `SentinelConnector` knows, as ioredis shows it. */
import type { SentinelAddress } from '../options/sentinel_options';

const addressOf = ({ host, port }: Partial<SentinelAddress>): string => `${host || '127.0.0.1'}:${port || 26379}`;

/** An iterator over a list of Sentinels. */
export class SentinelIterator implements Iterator<Partial<SentinelAddress>> {
  private cursor = 0;
  private readonly sentinels: Partial<SentinelAddress>[];

  constructor(sentinels: Partial<SentinelAddress>[]) {
    this.sentinels = sentinels.slice(0);
  }

  /** The next Sentinel to ask; `done` after the last one. */
  next(): { done: boolean; value: Partial<SentinelAddress> } {
    const done = this.cursor >= this.sentinels.length;
    return { done, value: (done ? undefined : this.sentinels[this.cursor++]) as Partial<SentinelAddress> };
  }

  /** Starts over. If `moveCurrentEndpointToFirst` is set, the current Sentinel becomes the first. */
  reset(moveCurrentEndpointToFirst: boolean): void {
    if (moveCurrentEndpointToFirst && this.cursor > 1) this.sentinels.unshift(...this.sentinels.splice(this.cursor - 1));
    this.cursor = 0;
  }

  /** Appends a Sentinel. Returns false if the list has it already. */
  add(sentinel: SentinelAddress): boolean {
    const name = addressOf(sentinel);
    if (this.sentinels.some((other) => addressOf(other) === name)) return false;
    this.sentinels.push(sentinel);
    return true;
  }

  toString(): string {
    return `${JSON.stringify(this.sentinels)} @${this.cursor}`;
  }
}
