/** Applies messages of the bus to a repository. */
import { checkMessage, type CacheInvalidationMessage } from '../pubsub/message';
import type { CacheRepository } from './repository';

/**
 * Applies a message of the bus to a repository: invalidates tags, deletes patterns and keys. Use it during a rollout, while instances
 * with their own caches still announce changes on the bus. Resolves with the number of entries. Rejects as the repository does.
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
