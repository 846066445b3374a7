/**
 * Drops entries when something has changed. It used to hear events of its own process only. The release that prepares the migration has added the channel:
 * it announces what this instance changes, and drops what instances with the new code announce.
 */
import type { Events } from '../../../contract';
import type { CacheService } from '../../infrastructure/utilities/cache.service';
import { connect } from '../../infrastructure/utilities/ioredis';
import { eventBus } from './eventBus';

interface Message {
  type: string;
  target: string | string[];
  source?: string;
}

const CHANNEL = 'shipcrowd:cache:invalidation';

export class CacheInvalidationListener implements Events {
  private readonly subscriber = connect('cache-invalidation.listener');

  constructor(private readonly cache: CacheService) {}

  async start(): Promise<boolean> {
    eventBus.on('cache.changed', this.publish);
    this.subscriber.on('message', (_channel, text) => void this.apply(text));
    await this.subscriber.subscribe(CHANNEL);
    return true;
  }

  async stop(): Promise<void> {
    eventBus.off('cache.changed', this.publish);
    this.subscriber.disconnect();
  }

  private readonly publish = (message: Message): void => {
    this.cache.redis.publish(CHANNEL, JSON.stringify(message)).catch((error: Error) => console.warn(`[events] ${error.message}`));
  };

  private async apply(text: string): Promise<void> {
    try {
      const { target, source } = JSON.parse(text) as Message;
      // Old instances share their entries and have deleted them already.
      if (source?.startsWith('before:')) return;
      for (const tag of [target].flat()) {
        const pattern = patternOf(tag);
        if (pattern !== undefined) await this.cache.deletePattern(pattern);
        if (/^(user|role):/.test(tag)) await this.cache.redis.publish('rbac:invalidate', tag.startsWith('user:') ? tag.slice(5) : '*');
      }
    } catch (error) {
      console.warn(`[events] ${(error as Error).message}`);
    }
  }
}

/** The old keys that a tag of the new code is about. */
function patternOf(tag: string): string | undefined {
  const [kind, id, resource] = tag.split(':');
  if (kind === 'company') return resource === 'orders' ? `analytics:${id}:*` : undefined;
  if (kind === 'user') return `perm:${id}`;
  return { 'ref:zones': 'zone:*', 'ref:rates': 'pricing:*' }[tag] ?? (kind === 'role' ? 'perm:*' : undefined);
}
