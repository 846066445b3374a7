/** Wallets: the balance from the database, transactions in the general cache. */
import type { WalletService as Contract, Written } from '../../../../../contract';
import type { Wallets } from '../../../../../database/wallet';
import { companyTag } from '../../../../../tags';
import type { Page, Pagination, WalletTransaction } from '../../../../../types';
import type { CacheService } from '../../../../infrastructure/utilities/cache.service';
import { announce } from '../../../../shared/events/announce';

const TTL = 60;

export class WalletService implements Contract {
  constructor(
    private readonly wallets: Wallets,
    private readonly cache: CacheService,
  ) {}

  balance(companyId: string): Promise<number> {
    return this.wallets.balance(companyId);
  }

  transactions(companyId: string, pagination: Pagination): Promise<Page<WalletTransaction>> {
    const key = `wallet:${companyId}:list:${JSON.stringify(pagination)}`;
    return this.cache.getOrSet('walletLists', key, TTL, () => this.wallets.transactions(companyId, pagination));
  }

  async recharge(companyId: string, amount: number, reference: string): Promise<Written<number>> {
    await this.wallets.book(companyId, 'recharge', amount, reference);
    await this.invalidate(companyId);
    return { value: await this.balance(companyId), isVisible: true };
  }

  async charge(companyId: string, orderId: string): Promise<void> {
    await this.wallets.charge(companyId, orderId);
    await this.invalidate(companyId);
  }

  private async invalidate(companyId: string): Promise<void> {
    await this.cache.deletePattern(`wallet:${companyId}:*`);
    announce('WalletService', companyTag(companyId, 'wallet'));
  }
}
