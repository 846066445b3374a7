/** What the application asks of its services. before/ and after/ both do all of it. */
import type { RequestHandler } from 'express';
import type { JobKey } from './database/jobs';
import type { Job } from './database/outbox';
import type {
  Access,
  Area,
  Dashboard,
  NewOrder,
  OrderDetails,
  OrderFilters,
  OrderStatus,
  Order,
  Page,
  Pagination,
  Permission,
  Quotes,
  RateCard,
  Role,
  Shipment,
  ShipmentFilters,
  ShipmentStatus,
  WalletTransaction,
  Zone,
} from './types';

/** What a write did. `isVisible`: no reader gets an older value any more. Otherwise it is saved, and the cache has not been told yet. */
export interface Written<T> {
  value: T;
  isVisible: boolean;
}

export interface Claims {
  /** The token's id. */
  jti: string;
  /** The user's id. */
  sub: string;
  companyId: string | null;
  /** When it expires, in seconds since 1970. */
  exp: number;
}

/** jwt.ts */
export interface Tokens {
  sign(user: { id: string; companyId: string | null }): Promise<string>;
  /** Rejects for a token that is wrong, has expired or was revoked. */
  verify(token: string): Promise<Claims>;
  revoke(claims: Claims): Promise<void>;
}

/** permission.service.ts */
export interface Permissions {
  of(userId: string): Promise<Access | null>;
  setRole(userId: string, role: Role): Promise<Written<boolean>>;
  setPermissions(role: Role, permissions: Permission[]): Promise<Written<void>>;
}

/** require-permission.middleware.ts */
export type RequirePermission = (permission: Permission) => RequestHandler;

/** pincode-lookup.service.ts */
export interface Pincodes {
  getZone(from: string, to: string): Promise<Zone | null>;
  setArea(pincode: string, area: Area): Promise<Written<boolean>>;
}

/** pricing-cache.service.ts */
export interface Pricing {
  rateCards(): Promise<RateCard[]>;
  quote(zone: Zone, weightGrams: number, cod: boolean): Promise<Quotes>;
  setPrice(id: string, price: number): Promise<Written<RateCard | null>>;
}

/** order.service.ts. In what `setStatus` returns, `null` is an unknown order, and `undefined` a step that is impossible. */
export interface OrderService {
  listOrders(companyId: string, filters: OrderFilters, pagination: Pagination): Promise<Page<Order>>;
  getOrderById(companyId: string, orderId: string): Promise<OrderDetails | null>;
  createOrder(companyId: string, order: NewOrder, priced: { zone: Zone; courier: string; price: number }): Promise<Written<OrderDetails>>;
  updateOrderStatus(companyId: string, orderId: string, status: OrderStatus): Promise<Written<OrderDetails | null | undefined>>;
}

/** shipment.service.ts */
export interface ShipmentService {
  listShipments(companyId: string, filters: ShipmentFilters, pagination: Pagination): Promise<Page<Shipment>>;
  getShipmentById(companyId: string, id: string): Promise<Shipment | null>;
  /** The effect of a job: made once, however often the job runs. */
  createFor(companyId: string, orderId: string, job: JobKey): Promise<void>;
  updateShipmentStatus(companyId: string, id: string, status: ShipmentStatus): Promise<Written<Shipment | null | undefined>>;
}

/** wallet.service.ts */
export interface WalletService {
  balance(companyId: string): Promise<number>;
  transactions(companyId: string, pagination: Pagination): Promise<Page<WalletTransaction>>;
  recharge(companyId: string, amount: number, reference: string): Promise<Written<number>>;
  /** The effect of a job: made once, however often the job runs. */
  charge(companyId: string, orderId: string, job: JobKey): Promise<void>;
}

/** dashboard.service.ts */
export interface DashboardService {
  getDashboard(companyId: string, days: number): Promise<Dashboard>;
}

/** rateLimit.config.ts and rate-limiter.ts */
export interface Limits {
  /** express-rate-limit, for every request of the API. */
  api: RequestHandler;
  /** The application's own limiter. Returns how many seconds to wait, or 0. */
  take(what: string, who: string): Promise<number>;
}

export interface QueueCounts {
  name: string;
  waiting: number;
  active: number;
  completed: number;
  failed: number;
}

/** queue-manager.ts */
export interface Queues {
  start(run: (queue: string, jobId: string, payload: Record<string, unknown>) => Promise<void>): Promise<void>;
  /** Adds jobs; one with an id that the queue already has is not added again. */
  add(jobs: (Job & { id: string })[]): Promise<void>;
  counts(): Promise<QueueCounts[]>;
  close(): Promise<void>;
}

/** cache-invalidation.listener.ts */
export interface Events {
  /** Whether it listens. Without Redis, it does so later. */
  start(): Promise<boolean>;
  stop(): Promise<void>;
}

/** A connection to Redis, for the operations page. */
export interface ConnectionState {
  name: string;
  library: string;
  state: string;
}

/** Health and figures. */
export interface Observer {
  /** GET /api/health/redis */
  health: RequestHandler;
  connections(): Promise<ConnectionState[]>;
  /** The reply of INFO, or null without a server. */
  info(): Promise<string | null>;
}

export interface Services {
  tokens: Tokens;
  permissions: Permissions;
  requirePermission: RequirePermission;
  pincodes: Pincodes;
  pricing: Pricing;
  orders: OrderService;
  shipments: ShipmentService;
  wallet: WalletService;
  dashboards: DashboardService;
  limits: Limits;
  queues: Queues;
  events: Events;
  observers: Observer[];
}
