/**
 * What the cached data is made from: a counter for each key, on a server of its own that nothing disturbs and that hawser does not talk to.
 *
 * A writer counts a key up, invalidates it, and then raises the key's *floor* to that count. Whoever reads the floor and then reads the
 * cache must not get an older count. Both are in one server, so no clock decides what came first.
 */
import { Redis } from 'ioredis';

const RAISE = `
for i = 1, #ARGV, 2 do
  local floor = tonumber(redis.call('HGET', KEYS[1], ARGV[i])) or 0
  if floor < tonumber(ARGV[i + 1]) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end`;

export type Counts = ReadonlyMap<string, number>;

export class Source {
  private readonly redis: Redis;

  constructor(port: number) {
    this.redis = new Redis({ port, enableAutoPipelining: true });
    // When the run ends, its server does.
    this.redis.on('error', () => undefined);
  }

  /** What a loader reads. */
  async read(key: string): Promise<number> {
    return Number(await this.redis.hget('source', key));
  }

  /** Changes the data of all these keys. */
  async change(keys: readonly string[]): Promise<Counts> {
    const counts = await Promise.all(keys.map((key) => this.redis.hincrby('source', key, 1)));
    return new Map(keys.map((key, at) => [key, counts[at]]));
  }

  /** From here on no reader may get less. */
  async raise(counts: Counts): Promise<void> {
    await this.redis.eval(RAISE, 1, 'floor', ...[...counts].flat());
  }

  async floors(keys: readonly string[]): Promise<number[]> {
    return (await this.redis.hmget('floor', ...keys)).map(Number);
  }

  /** A `set` that has not resolved may run at any later time. */
  async open(key: string, count: number): Promise<void> {
    await this.redis.sadd('open', `${key} ${count}`);
  }

  async closed(key: string, count: number): Promise<void> {
    await this.redis.srem('open', `${key} ${count}`);
  }

  /** Before and after whatever happens to servers and processes. */
  async fault(): Promise<void> {
    await this.redis.incr('faults');
  }

  /** Clears the whole cache: what anybody has set vanishes. A worker whose clear has failed may still be repeating it, until its next one has resolved. */
  async clearing(worker: number, clear: () => Promise<void>): Promise<void> {
    await this.redis.hset('clearing', String(worker), '1');
    await clear();
    await this.redis.incr('clears');
    await this.redis.hset('clearing', String(worker), '0');
  }

  /** The number of faults and clears if none is under way. */
  async calm(): Promise<string | undefined> {
    const [faults, clears, clearing] = await Promise.all([this.redis.get('faults'), this.redis.get('clears'), this.redis.hvals('clearing')]);
    return Number(faults) % 2 === 0 && !clearing.includes('1') ? `${faults} ${clears}` : undefined;
  }

  async isOpen(key: string, count: number): Promise<boolean> {
    return (await this.redis.sismember('open', `${key} ${count}`)) === 1;
  }

  close(): void {
    this.redis.disconnect();
  }
}
