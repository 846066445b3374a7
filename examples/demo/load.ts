/** Simulates users who mostly read and sometimes write, until they are told to stop. */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Backend } from '../order-backend/backend';
import type { OrderStatus } from '../order-backend/database';
import type { Figures } from './figures';
import { plural } from './text';

const STATUSES: OrderStatus[] = ['packed', 'shipped', 'delivered'];
const ORDERS_LOOKED_AT = 40;
const CODES = 18;

const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)];

export class Load {
  private readonly stop = new AbortController();
  /**
   * For each company, the database's revision when the latest invalidation of its lists resolved. A list that is read later must not be
   * older.
   */
  private readonly floors = new Map<string, number>();
  private readonly orderIds = new Map<string, string[]>();
  private running: Promise<unknown> | undefined;

  constructor(
    private readonly backend: Backend,
    private readonly figures: Figures,
    private readonly users: number,
  ) {
    for (const id of backend.db.companies) this.orderIds.set(id, backend.db.orderIds(id).slice(-ORDERS_LOOKED_AT));
  }

  start(): void {
    setMaxListeners(0, this.stop.signal);
    this.running = Promise.all([
      ...Array.from({ length: this.users }, (_, i) => this.every(() => this.readSomething(`u${i}`), 4, 24)),
      this.every(() => this.createOrder(), 200, 700),
      this.every(() => this.changeStatus(), 150, 500),
      this.every(() => this.changePermissions(), 700, 1_300),
      this.every(() => this.publishZones(), 4_000, 5_000),
    ]);
  }

  /** Resolves when all users have received their last answer. */
  async end(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private async every(act: () => Promise<void>, minMs: number, maxMs: number): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted) {
      await pause(minMs + Math.random() * (maxMs - minMs), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await act();
      } catch (error) {
        this.figures.failed++;
        this.figures.note(`failed: ${String(error)}`);
      }
    }
  }

  /** Most requests are for a few companies. */
  private company(): string {
    const { companies } = this.backend.db;
    return companies[Math.floor(Math.random() ** 2 * companies.length)];
  }

  private async readSomething(userId: string): Promise<void> {
    const { orders, zones, dashboards, permissions } = this.backend;
    if (!(await permissions.can(userId, 'orders:read'))) return;
    const company = this.company();
    const dice = Math.random();
    if (dice < 0.45) await this.readList(company);
    else if (dice < 0.75) await this.figures.read('order', () => orders.byId(company, pick(this.orderIds.get(company)!)));
    else if (dice < 0.9) await this.figures.read('zone', () => zones.zone(this.code(), this.code()));
    else await this.figures.read('dashboard', () => dashboards.get(company));
  }

  private code(): string {
    return String(1000 + Math.floor(Math.random() * CODES));
  }

  private async readList(company: string): Promise<void> {
    const floor = this.floors.get(company) ?? 0;
    const filters = Math.random() < 0.4 ? { status: pick(STATUSES) } : {};
    const page = { page: 1 + Math.floor(Math.random() ** 3 * 4), limit: 20 };
    const list = await this.figures.read('list', () => this.backend.orders.list(company, filters, page));
    if (list.revision < floor) this.figures.outdated++;
  }

  /** `revision` is the revision before the invalidation began, so the invalidation covers at least this revision. */
  private settled(company: string, revision: number): void {
    this.floors.set(company, Math.max(this.floors.get(company) ?? 0, revision));
  }

  private async createOrder(): Promise<void> {
    const company = this.company();
    const before = this.backend.db.revision(company);
    const { order, lists } = await this.backend.orders.create(company, 'a new customer', 4_200);
    this.settled(company, before + 1);
    this.figures.dropped.list += lists;
    this.figures.messages++;
    this.orderIds.get(company)!.push(order.id);
    this.figures.note(`${company}: order ${order.id} created, ${plural(lists, 'list')} dropped`);
  }

  private async changeStatus(): Promise<void> {
    const company = this.company();
    const id = pick(this.orderIds.get(company)!);
    const status = pick(STATUSES);
    const before = this.backend.db.revision(company);
    const written = await this.backend.orders.updateStatus(company, id, status);
    if (written === null) return;
    this.settled(company, before + 1);
    this.figures.dropped.list += written.lists;
    this.figures.dropped.order += written.details;
    this.figures.messages++;
    this.figures.note(`${company}: order ${id} is ${status}, ${plural(written.lists, 'list')} and ${plural(written.details, 'detail')} dropped`);
  }

  private async changePermissions(): Promise<void> {
    const user = `u${Math.floor(Math.random() * this.users)}`;
    await this.backend.permissions.set(user, ['orders:read', pick(['orders:write', 'zones:write'])]);
    this.figures.messages++;
  }

  private async publishZones(): Promise<void> {
    const dropped = await this.backend.zones.publish();
    this.figures.dropped.zone += dropped;
    this.figures.messages++;
    this.figures.note(`a new edition of the zones: ${plural(dropped, 'zone')} dropped`);
  }
}
