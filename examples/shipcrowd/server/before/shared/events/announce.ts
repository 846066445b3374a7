/** The release that prepares the migration has added this: what old code changes is announced, so that new instances can drop their entries. */
import { eventBus } from './eventBus';

export function announce(service: string, ...tags: string[]): void {
  eventBus.emit('cache.changed', { type: 'tags', target: tags, source: `before:${service}` });
}
