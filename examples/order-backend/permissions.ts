/**
 * What users may do, asked with every request and therefore held in this process's memory: the one thing here that needs the bus, because
 * another process cannot reach it. A message can be lost while a connection is down, so entries live a minute at most.
 */
import { PubSubService, type CacheInvalidationMessage } from 'hawser';
import type { Database } from './database';

const KEY = 'permissions:';
const LIFE_MS = 60_000;

export class PermissionService {
  /** Sets dropped because a message said so. */
  dropped = 0;
  private readonly held = new Map<string, { permissions: Promise<string[]>; until: number }>();

  constructor(private readonly db: Database) {}

  /** Listens to the bus. `PubSubService.initialize` connects it. */
  listen(): void {
    PubSubService.onInvalidation('permissions', (message) => this.onMessage(message));
  }

  async can(userId: string, permission: string): Promise<boolean> {
    const now = performance.now();
    let entry = this.held.get(userId);
    if (entry === undefined || entry.until < now) {
      const asked = { permissions: this.db.permissionsOf(userId), until: now + LIFE_MS };
      asked.permissions.catch(() => this.held.get(userId) === asked && this.held.delete(userId));
      this.held.set(userId, (entry = asked));
    }
    return (await entry.permissions).includes(permission);
  }

  async set(userId: string, permissions: string[]): Promise<void> {
    await this.db.setPermissions(userId, permissions);
    await PubSubService.publish({ type: 'key', target: `${KEY}${userId}`, source: 'PermissionService.set' });
  }

  private onMessage({ type, target }: CacheInvalidationMessage): void {
    if (type !== 'key') return;
    for (const key of [target].flat()) {
      if (key.startsWith(KEY) && this.held.delete(key.slice(KEY.length))) this.dropped++;
    }
  }
}
