/** All queries of the application, over one pool. */
import { Analytics } from './analytics';
import { Jobs } from './jobs';
import { Orders } from './orders';
import { Outbox } from './outbox';
import { People } from './people';
import { Database } from './pool';
import { Prices } from './prices';
import { Shipments } from './shipments';
import { Wallets } from './wallet';

export class Tables {
  readonly orders: Orders;
  readonly shipments: Shipments;
  readonly wallets: Wallets;
  readonly analytics: Analytics;
  readonly prices: Prices;
  readonly people: People;
  readonly outbox: Outbox;
  readonly jobs: Jobs;

  constructor(readonly db: Database) {
    this.orders = new Orders(db);
    this.shipments = new Shipments(db);
    this.wallets = new Wallets(db);
    this.analytics = new Analytics(db);
    this.prices = new Prices(db);
    this.people = new People(db);
    this.outbox = new Outbox(db);
    this.jobs = new Jobs(db);
  }
}

export { Database };
