/**
 * The permissions of users. Every request needs them, so they are held in this process's memory. Only they need the bus, because other
 * processes cannot reach this memory. A message can be lost while a connection is down, so entries live for at most a minute.
 */
import { PubSubService, type CacheInvalidationMessage } from 'hawser';
import type { Database } from './database';

const KEY = 'permissions:';
const LIFE_MS = 60_000;

export class PermissionService {
  /** The number of sets that messages have dropped. */
  dropped = 0;
  private readonly held = new Map<string, { permissions: Promise<string[]>; until: number }>();

  constructor(private readonly db: Database) {}

  /** Registers a listener on the bus. `PubSubService.initialize` connects the bus. */
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
