// A simple tag cache on ioredis with hawser's interface: an entry is a string, a tag is a set of the entries' keys, and invalidating a tag
// reads its set and deletes those keys. A hit does not read tags, so no hit can be cheaper.

export class SketchRepository {
  constructor(client, prefix = 'sc') {
    this.client = client;
    this.prefix = prefix;
  }

  key(name) {
    return `${this.prefix}:${name}`;
  }

  tagKey(tag) {
    return `${this.prefix}:tag:${tag}`;
  }

  /** A manager returns its client by a promise. */
  async connection() {
    return this.client;
  }

  async getOrSet(key, loader, options = {}) {
    const client = await this.connection();
    const cached = await client.get(this.key(key));
    if (cached) return JSON.parse(cached);
    const fresh = await loader();
    await this.setWithTags(key, fresh, options);
    return fresh;
  }

  async setWithTags(key, value, options = {}) {
    const pipeline = (await this.connection()).pipeline();
    this.addSet(pipeline, key, value, options);
    await pipeline.exec();
  }

  addSet(pipeline, key, value, { ttl = 3600, tags = [] }) {
    pipeline.setex(this.key(key), ttl, JSON.stringify(value));
    for (const tag of tags) {
      pipeline.sadd(this.tagKey(tag), this.key(key));
      pipeline.expire(this.tagKey(tag), ttl + 60);
    }
  }

  /** For the bench: stores many entries quickly, with the same commands. */
  async setMany(items) {
    const pipeline = (await this.connection()).pipeline();
    for (const { key, value, ...options } of items) this.addSet(pipeline, key, value, options);
    await pipeline.exec();
  }

  async get(key) {
    const cached = await (await this.connection()).get(this.key(key));
    return cached ? JSON.parse(cached) : null;
  }

  async invalidateTags(tags) {
    const client = await this.connection();
    let deleted = 0;
    for (const tag of tags) {
      const keys = await client.smembers(this.tagKey(tag));
      if (keys.length === 0) continue;
      const pipeline = client.pipeline();
      for (const key of keys) pipeline.del(key);
      pipeline.del(this.tagKey(tag));
      await pipeline.exec();
      deleted += keys.length;
    }
    return deleted;
  }
}
