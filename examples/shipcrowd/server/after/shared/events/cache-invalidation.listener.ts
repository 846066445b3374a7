/**
 * The bus between instances. The repositories need none, because their entries are shared. It is here for the rollout: instances with the old code
 * announce what they change, and this listener applies it to the repositories. What lives in an instance's memory would be dropped here, too.
 */
import { applyInvalidation } from 'hawser';
import type { Events } from '../../../contract';
import { tiers } from '../../../tiers';
import { NEW_CODE } from '../../core/application/base/cached.service';
import { CacheRepository } from '../../infrastructure/redis/cache.repository';
import { PubSubService, type CacheInvalidationMessage } from '../../infrastructure/redis/pubsub.service';
import { eventBus } from './eventBus';

/** The same entries as those of the services with these names. */
export const repositories = [
  new CacheRepository('pincode', { tier: tiers.zones }),
  new CacheRepository('pricing', { tier: tiers.rateCards }),
  new CacheRepository('permission', { tier: tiers.permissions }),
  new CacheRepository('order', { tier: tiers.orders }),
  new CacheRepository('order-details', { tier: tiers.orderDetails }),
  new CacheRepository('shipment', { tier: tiers.shipments }),
  new CacheRepository('wallet', { tier: tiers.walletLists }),
  new CacheRepository('analytics', { tier: tiers.analytics }),
];

const AGAIN_MS = 1_000;

export class CacheInvalidationListener implements Events {
  private again: NodeJS.Timeout | undefined;

  async start(): Promise<boolean> {
    PubSubService.onInvalidation('repositories', (message) => this.apply(message));
    // While the subscriber was away, old instances may have changed anything.
    PubSubService.on('gap', this.forget);
    const listens = await this.listen();
    // Nobody has told this instance what old code changed before it listened. When the rollout is over, these lines go.
    const forgotten = this.forget();
    // Without Redis, hawser repeats it, and reads nothing from the cache until then. Nobody needs to wait.
    if (listens) await forgotten;
    return listens;
  }

  async stop(): Promise<void> {
    clearTimeout(this.again);
    PubSubService.off('gap', this.forget);
    PubSubService.offInvalidation('repositories');
  }

  /** Without Redis, an instance starts all the same, and listens later. */
  private async listen(): Promise<boolean> {
    try {
      await PubSubService.initialize();
      return true;
    } catch (error) {
      console.warn(`[events] ${(error as Error).message}`);
      this.again = setTimeout(() => void this.listenLate(), AGAIN_MS);
      return false;
    }
  }

  private async listenLate(): Promise<void> {
    if (await this.listen()) await this.forget();
  }

  private async apply(message: CacheInvalidationMessage): Promise<void> {
    eventBus.emit('cache.invalidated', message);
    if (message.source?.startsWith(NEW_CODE)) return;
    await this.settle(repositories.map((repository) => applyInvalidation(repository, message)));
  }

  private readonly forget = async (): Promise<void> => {
    await this.settle(repositories.map((repository) => repository.clear()));
  };

  private async settle(changes: Promise<unknown>[]): Promise<void> {
    for (const result of await Promise.allSettled(changes)) {
      if (result.status === 'rejected') console.warn(`[events] repeated when Redis answers: ${(result.reason as Error).message}`);
    }
  }
}
