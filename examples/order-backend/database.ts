/**
 * A simulated database for the order backend. It answers as slowly as a real one and counts its queries. A query reads the data when it
 * starts and answers later, so a write in between makes its answer outdated, and a cache must not keep it.
 */
import { setTimeout as pause } from 'node:timers/promises';

export type OrderStatus = 'new' | 'packed' | 'shipped' | 'delivered';

export interface Order {
  id: string;
  companyId: string;
  customer: string;
  status: OrderStatus;
  cents: number;
}

export interface OrderFilters {
  status?: OrderStatus;
}

export interface Page {
  page: number;
  limit: number;
}

export interface OrderList {
  orders: Order[];
  total: number;
  /** Writes to the company's orders before this list was read. */
  revision: number;
}

export interface Dashboard {
  orders: number;
  revenueCents: number;
  byStatus: Record<string, number>;
  computedAt: string;
}

/** How long queries take, in milliseconds. */
export const LATENCY_MS = { list: 40, order: 12, zone: 8, dashboard: 250, permissions: 15, write: 6 };
export type Query = keyof typeof LATENCY_MS;

const STATUSES: OrderStatus[] = ['new', 'packed', 'shipped', 'delivered'];

export class Database {
  /** The number of answered queries, by kind. */
  readonly queries: Record<Query, number> = { list: 0, order: 0, zone: 0, dashboard: 0, permissions: 0, write: 0 };
  readonly companies: string[];
  private readonly orders = new Map<string, Order>();
  private readonly revisions = new Map<string, number>();
  private readonly permissions = new Map<string, string[]>();
  private zoneEdition = 1;
  private lastId = 0;

  /** With `speed` 10, the database answers ten times as fast. */
  constructor(
    options: { companies?: number; ordersEach?: number } = {},
    private readonly speed = 1,
  ) {
    const { companies = 8, ordersEach = 150 } = options;
    this.companies = Array.from({ length: companies }, (_, i) => `c${i + 1}`);
    for (const companyId of this.companies) for (let i = 0; i < ordersEach; i++) this.add(companyId, `customer ${i % 40}`, 500 + ((i * 7919) % 20_000));
  }

  /** Ids of a company's orders, newest last. This is not a query; the load generator uses it to make requests. */
  orderIds(companyId: string): string[] {
    return [...this.orders.values()].filter((order) => order.companyId === companyId).map((order) => order.id);
  }

  async listOrders(companyId: string, filters: OrderFilters, { page, limit }: Page): Promise<OrderList> {
    const all = [...this.orders.values()].filter(
      (order) => order.companyId === companyId && (filters.status === undefined || order.status === filters.status),
    );
    const orders = all.reverse().slice((page - 1) * limit, page * limit);
    return this.answer('list', { orders, total: all.length, revision: this.revisions.get(companyId) ?? 0 });
  }

  async findOrder(id: string): Promise<Order | null> {
    return this.answer('order', this.orders.get(id) ?? null);
  }

  /** The tariff zone between two postal codes. */
  async findZone(from: string, to: string): Promise<string> {
    const distance = Math.abs(Number(from) - Number(to)) % 5;
    return this.answer('zone', `${'ABCDE'[distance]}${this.zoneEdition}`);
  }

  async computeDashboard(companyId: string): Promise<Dashboard> {
    const own = [...this.orders.values()].filter((order) => order.companyId === companyId);
    const byStatus = Object.fromEntries(STATUSES.map((status) => [status, own.filter((order) => order.status === status).length]));
    const revenueCents = own.reduce((sum, order) => sum + order.cents, 0);
    return this.answer('dashboard', { orders: own.length, revenueCents, byStatus, computedAt: new Date().toISOString() });
  }

  async permissionsOf(userId: string): Promise<string[]> {
    return this.answer('permissions', this.permissions.get(userId) ?? ['orders:read']);
  }

  async createOrder(companyId: string, customer: string, cents: number): Promise<Order> {
    await this.answer('write', null);
    return { ...this.add(companyId, customer, cents) };
  }

  /** The current order, or null if there is none. */
  async setStatus(id: string, status: OrderStatus): Promise<Order | null> {
    await this.answer('write', null);
    const order = this.orders.get(id);
    if (order === undefined) return null;
    const changed = { ...order, status };
    this.orders.set(id, changed);
    this.touch(order.companyId);
    return changed;
  }

  async publishZones(): Promise<number> {
    await this.answer('write', null);
    return ++this.zoneEdition;
  }

  async setPermissions(userId: string, permissions: string[]): Promise<void> {
    await this.answer('write', null);
    this.permissions.set(userId, permissions);
  }

  /** The number of writes to a company's orders. This is not a query; the demo uses it to check answers. */
  revision(companyId: string): number {
    return this.revisions.get(companyId) ?? 0;
  }

  private add(companyId: string, customer: string, cents: number): Order {
    const order: Order = { id: `o${++this.lastId}`, companyId, customer, status: STATUSES[this.lastId % 3], cents };
    this.orders.set(order.id, order);
    this.touch(companyId);
    return order;
  }

  private touch(companyId: string): void {
    this.revisions.set(companyId, (this.revisions.get(companyId) ?? 0) + 1);
  }

  private async answer<T>(query: Query, value: T): Promise<T> {
    const jitter = 0.8 + Math.random() * 0.4;
    await pause((LATENCY_MS[query] / this.speed) * jitter);
    this.queries[query]++;
    return value;
  }
}
