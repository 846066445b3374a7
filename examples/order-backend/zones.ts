/** Reference data: cached for a day, and dropped as a whole when an administrator publishes a new edition. */
import { CachedService, PubSubService } from 'hawser';
import type { Database } from './database';

const TAG = 'ref:zones';

export class ZoneService extends CachedService {
  protected serviceName = 'shop.zones';

  constructor(private readonly db: Database) {
    super();
  }

  zone(from: string, to: string): Promise<string> {
    return this.cache.getOrSet(`${from}:${to}`, () => this.db.findZone(from, to), { ttl: 86_400, tags: [TAG] });
  }

  /** The number of zones that were dropped. */
  async publish(): Promise<number> {
    await this.db.publishZones();
    const dropped = await this.cache.invalidateTags([TAG]);
    await PubSubService.publish({ type: 'tags', target: [TAG], source: 'ZoneService.publish' });
    return dropped;
  }

  async clear(): Promise<number> {
    return this.cache.deletePattern('*');
  }
}
