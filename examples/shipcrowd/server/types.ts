/** What the API sends. Shared with web/, so nothing here may import anything of Node. */

export const PERMISSIONS = [
  'orders.read',
  'orders.write',
  'shipments.read',
  'shipments.write',
  'wallet.read',
  'wallet.write',
  'analytics.read',
  'pricing.read',
  'admin.rates',
  'admin.roles',
  'ops.rollout',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

export const ROLES = ['admin', 'owner', 'manager', 'agent', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** What a user may do. */
export interface Access {
  role: Role;
  permissions: Permission[];
}

export interface Person {
  id: string;
  name: string;
  email: string;
  role: Role;
  companyId: string | null;
  companyName: string | null;
}

export interface User extends Person {
  permissions: Permission[];
}

export type PaymentMode = 'prepaid' | 'cod';

/** The statuses that may follow each status. */
export const ORDER_STEPS = {
  new: ['packed', 'cancelled'],
  packed: ['shipped', 'cancelled'],
  shipped: ['in-transit', 'rto'],
  'in-transit': ['delivered', 'rto'],
  delivered: [],
  rto: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;
export type OrderStatus = keyof typeof ORDER_STEPS;

export interface NewOrder {
  customer: string;
  phone?: string | undefined;
  /** Pincodes. */
  from: string;
  to: string;
  weightGrams: number;
  value: number;
  paymentMode: PaymentMode;
  items?: { name: string; quantity: number; price: number }[] | undefined;
}

export interface Order {
  id: string;
  companyId: string;
  createdAt: string;
  updatedAt: string;
  customer: string;
  phone: string;
  from: string;
  to: string;
  zone: Zone;
  weightGrams: number;
  value: number;
  paymentMode: PaymentMode;
  courier: string;
  status: OrderStatus;
  price: number;
}

export interface OrderDetails extends Order {
  items: { name: string; quantity: number; price: number }[];
  timeline: { status: OrderStatus; at: string }[];
}

export interface OrderFilters {
  status?: string | undefined;
  search?: string | undefined;
  courier?: string | undefined;
  /** Days, inclusive: `2026-11-01`. */
  from?: string | undefined;
  to?: string | undefined;
  sort?: OrderSort | undefined;
}
export const ORDER_SORTS = ['-createdAt', 'createdAt', '-value', 'value'] as const;
export type OrderSort = (typeof ORDER_SORTS)[number];

export interface Pagination {
  page: number;
  limit: number;
}

export interface Page<T> extends Pagination {
  items: T[];
  total: number;
}

export const SHIPMENT_STEPS = {
  created: ['picked-up', 'lost'],
  'picked-up': ['in-transit', 'lost'],
  'in-transit': ['out-for-delivery', 'rto', 'lost'],
  'out-for-delivery': ['delivered', 'rto'],
  delivered: [],
  rto: [],
  lost: [],
} as const satisfies Record<string, readonly string[]>;
export type ShipmentStatus = keyof typeof SHIPMENT_STEPS;

export interface Shipment {
  id: string;
  orderId: string;
  companyId: string;
  courier: string;
  awb: string;
  status: ShipmentStatus;
  createdAt: string;
  updatedAt: string;
}

export interface ShipmentFilters {
  status?: string | undefined;
  courier?: string | undefined;
}

export interface WalletTransaction {
  id: string;
  at: string;
  kind: 'recharge' | 'shipping' | 'refund';
  amount: number;
  reference: string;
}

export interface Balance {
  balance: number;
  currency: 'INR';
}

export interface Dashboard {
  generatedAt: string;
  totals: { orders: number; revenue: number; delivered: number; rto: number; averageDays: number };
  byDay: { day: string; orders: number; revenue: number }[];
  byStatus: { status: OrderStatus; count: number }[];
  byCourier: { courier: string; orders: number; onTime: number }[];
  topZones: { zone: Zone; orders: number }[];
}

/** Same city, same state, metro to metro, rest of the country, remote. */
export const ZONES = ['A', 'B', 'C', 'D', 'E'] as const;
export type Zone = (typeof ZONES)[number];
export const AREAS = ['metro', 'standard', 'remote'] as const;
export type Area = (typeof AREAS)[number];

export interface RateCard {
  id: string;
  zone: Zone;
  courier: string;
  maxGrams: number;
  price: number;
  codFee: number;
  days: number;
}

export interface Quote {
  courier: string;
  price: number;
  days: number;
}

export interface Quotes {
  zone: Zone;
  quotes: Quote[];
}
