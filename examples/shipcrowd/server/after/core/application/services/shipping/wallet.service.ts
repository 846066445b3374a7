/** Tier 3: lists of transactions. The balance is always the database's. */
import type { WalletService as Contract, Written } from '../../../../../contract';
import type { JobKey } from '../../../../../database/jobs';
import type { Wallets } from '../../../../../database/wallet';
import { tiers } from '../../../../../tiers';
import type { Page, Pagination, WalletTransaction } from '../../../../../types';
import { CacheRepository } from '../../../../infrastructure/redis/cache.repository';
import { CachedService } from '../../base/cached.service';

export class WalletService extends CachedService implements Contract {
  protected serviceName = 'wallet';
  protected override tier = tiers.walletLists;
  /** A direct tier: every read runs its loader. */
  private readonly balances = new CacheRepository('wallet-balance', { tier: tiers.wallet });

  constructor(private readonly wallets: Wallets) {
    super();
  }

  balance(companyId: string): Promise<number> {
    return this.balances.getOrSet(companyId, () => this.wallets.balance(companyId));
  }

  transactions(companyId: string, pagination: Pagination): Promise<Page<WalletTransaction>> {
    return this.cache.getOrSet(this.listCacheKey(companyId, pagination), () => this.wallets.transactions(companyId, pagination), {
      tags: [this.companyTag(companyId, 'wallet')],
    });
  }

  async recharge(companyId: string, amount: number, reference: string): Promise<Written<number>> {
    await this.wallets.book(companyId, 'recharge', amount, reference);
    const isVisible = await this.invalidate(companyId);
    return { value: await this.balance(companyId), isVisible };
  }

  async charge(companyId: string, orderId: string, job: JobKey): Promise<void> {
    await this.wallets.charge(companyId, orderId, job);
    await this.invalidate(companyId);
  }

  private invalidate(companyId: string): Promise<boolean> {
    const tag = this.companyTag(companyId, 'wallet');
    this.tellOldCode(tag);
    return this.visible(this.cache.invalidateTags([tag]));
  }
}
