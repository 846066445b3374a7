/** The order backend: services over one database, one bus, one connection manager. */
import { PubSubService, RedisManager, warmCache, type WarmReport } from 'hawser';
import { DashboardService, type DashboardTimes } from './dashboard';
import { Database } from './database';
import { OrderService } from './orders';
import { PermissionService } from './permissions';
import { ZoneService } from './zones';

export interface BackendOptions {
  database?: Database;
  dashboard?: DashboardTimes;
  /** The bus's channel. Default: hawser's. */
  channel?: string;
}

export class Backend {
  readonly db: Database;
  readonly orders: OrderService;
  readonly zones: ZoneService;
  readonly dashboards: DashboardService;
  readonly permissions: PermissionService;
  private readonly channel: string | undefined;

  constructor({ database = new Database(), dashboard, channel }: BackendOptions = {}) {
    this.db = database;
    this.orders = new OrderService(database);
    this.zones = new ZoneService(database);
    this.dashboards = new DashboardService(database, dashboard);
    this.permissions = new PermissionService(database);
    this.channel = channel;
  }

  /** Subscribes to the messages of the other instances. */
  async start(): Promise<void> {
    this.permissions.listen();
    await PubSubService.initialize(this.channel === undefined ? {} : { channel: this.channel });
  }

  /** Fills the caches of the first companies before traffic arrives. */
  warm(companies = 3): Promise<WarmReport> {
    const top = this.db.companies.slice(0, companies);
    return warmCache(
      top.flatMap((id) => [() => this.orders.list(id), () => this.dashboards.get(id)]),
      { concurrency: 4 },
    );
  }

  /** Deletes the entries that this backend has cached. */
  async clear(): Promise<void> {
    await this.orders.clear();
    await this.zones.clear();
    await this.dashboards.clear();
  }

  /** Closes all connections, so that the process can end. */
  async stop(): Promise<void> {
    PubSubService.offInvalidation('permissions');
    await RedisManager.closeAll();
  }
}
