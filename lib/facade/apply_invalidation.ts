/** Messages of the bus as calls of a repository. */
import { checkMessage, type CacheInvalidationMessage } from '../pubsub/message';
import type { CacheRepository } from './repository';

/**
 * Applies a message of the bus to a repository: tags are invalidated, patterns and keys deleted. For a rollout during which instances that
 * keep their caches themselves still announce changes on the bus. Resolves with the number of entries. Rejects as the repository does.
 *
 *     PubSubService.onInvalidation('orders', (message) => applyInvalidation(orders, message));
 */
export async function applyInvalidation(repository: CacheRepository, message: CacheInvalidationMessage): Promise<number> {
  checkMessage(message);
  const targets = typeof message.target === 'string' ? [message.target] : [...message.target];
  switch (message.type) {
    case 'tags':
      return repository.invalidateTags(targets);
    case 'key':
      return repository.deleteMany(targets);
    case 'pattern': {
      let deleted = 0;
      for (const pattern of targets) deleted += await repository.deletePattern(pattern);
      return deleted;
    }
  }
}
