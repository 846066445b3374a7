// Stores entries in repositories, as many of each kind as standard input says: `[{ prefix, count, ttl, tags, value }]`. `#` in a tag is the entry's
// number divided by twenty. The report runs it, in a process of its own, to see how much memory entries take.

import { CacheRepository, RedisManager } from 'hawser';

const AT_ONCE = 500;

let text = '';
for await (const part of process.stdin.setEncoding('utf8')) text += part;

for (const { prefix, count, ttl, tags, value } of JSON.parse(text)) {
  const cache = new CacheRepository(prefix);
  for (let from = 0; from < count; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => from + index);
    await Promise.all(numbers.map((at) => cache.setWithTags(`entry:${at}`, value, { ttl, tags: tags.map((tag) => tag.replace('#', String(Math.floor(at / 20)))) })));
  }
}
await RedisManager.closeAll();
