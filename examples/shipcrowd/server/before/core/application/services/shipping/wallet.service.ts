/** Wallets, from the database each time. */
import type { WalletService as Contract, Written } from '../../../../../contract';
import type { JobKey } from '../../../../../database/jobs';
import type { Wallets } from '../../../../../database/wallet';
import { companyTag } from '../../../../../tags';
import type { Page, Pagination, WalletTransaction } from '../../../../../types';
import { countRead } from '../../../../measure';
import { announce } from '../../../../shared/events/announce';

export class WalletService implements Contract {
  constructor(private readonly wallets: Wallets) {}

  balance(companyId: string): Promise<number> {
    return this.wallets.balance(companyId);
  }

  transactions(companyId: string, pagination: Pagination): Promise<Page<WalletTransaction>> {
    countRead('walletLists', false);
    return this.wallets.transactions(companyId, pagination);
  }

  async recharge(companyId: string, amount: number, reference: string): Promise<Written<number>> {
    await this.wallets.book(companyId, 'recharge', amount, reference);
    announce('WalletService', companyTag(companyId, 'wallet'));
    return { value: await this.balance(companyId), isVisible: true };
  }

  async charge(companyId: string, orderId: string, job: JobKey): Promise<void> {
    await this.wallets.charge(companyId, orderId, job);
    announce('WalletService', companyTag(companyId, 'wallet'));
  }
}
