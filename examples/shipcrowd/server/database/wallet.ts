/** Queries about wallets. A transaction and the balance change in one statement. */
import type { Page, Pagination, WalletTransaction } from '../types';
import { onceSql, type JobKey } from './jobs';
import { pageOf } from './parts';
import type { Database } from './pool';

export class Wallets {
  constructor(private readonly db: Database) {}

  async balance(companyId: string): Promise<number> {
    const row = await this.db.one<{ balance: number }>('select balance from companies where id = $1', [companyId]);
    return row?.balance ?? 0;
  }

  transactions(companyId: string, pagination: Pagination): Promise<Page<WalletTransaction>> {
    const select = { columns: 'id::text, at, kind, amount, reference', table: 'wallet_transactions', where: 'company_id = $1', values: [companyId], order: 'at desc, id desc' };
    return pageOf<WalletTransaction>(this.db, select, pagination);
  }

  /** Books an amount once for its reference; a second call changes nothing. Returns whether it was booked. */
  async book(companyId: string, kind: WalletTransaction['kind'], amount: number, reference: string): Promise<boolean> {
    const rows = await this.db.query(
      `with booked as (
        insert into wallet_transactions (company_id, at, kind, amount, reference) values ($1, now(), $2, $3, $4) on conflict do nothing returning amount
      ) update companies set balance = balance + booked.amount from booked where id = $1 returning balance`,
      [companyId, kind, amount, reference],
    );
    return rows.length > 0;
  }

  /** Charges the price of an order, which is the effect of a job. */
  async charge(companyId: string, orderId: string, job: JobKey): Promise<void> {
    await this.db.query(
      `with ${onceSql('$3', '$4')}, booked as (
        insert into wallet_transactions (company_id, at, kind, amount, reference)
        select company_id, now(), 'shipping', -price, id from orders, job where company_id = $1 and id = $2 on conflict do nothing returning amount
      ) update companies set balance = balance + booked.amount from booked where id = $1`,
      [companyId, orderId, job.queue, job.id],
    );
  }
}
