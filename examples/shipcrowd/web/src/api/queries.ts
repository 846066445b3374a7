/**
 * What the page reads. Each query takes its times from its tier, the same that the server caches with, and carries the tags that the server invalidates: the stream names them, and the query
 * is fetched again. Nothing here polls but the operations page.
 */
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { queryDefaults, withTags, type QueryDefaults } from 'hawser/client';
import { tiers } from '../../../server/tiers';
import { useSession } from '../session/session';
import { get, withQuery } from './http';
import { companyTag, orderTag, RATES_TAG, roleTag, userTag, ZONES_TAG, type Resource } from '../../../server/tags';
import { ROLES } from '../../../server/types';
import type { Balance, Dashboard, Instance, Operations, Order, OrderDetails, OrderQuery, Page, Permission, Person, Quotes, RateCard, Role, Shipment, User, WalletTransaction } from './types';

const defaults = queryDefaults(tiers);

/** The options of a tier, the tags of one query, and the permission without which nobody keeps its data. */
function optionsOf(tier: QueryDefaults, tags: string[], permission: Permission): QueryDefaults {
  const { meta, ...times } = withTags(tier, tags);
  return { ...times, meta: { ...meta, permission } };
}

/** The tag of a resource of the own company. */
export function useCompanyTag(resource: Resource): string {
  const { user } = useSession();
  return companyTag(user.companyId ?? 'none', resource);
}

/** The user with the permissions of now. */
export function useMe(signedIn: User, since: number) {
  // The role may have changed since the sign-in, and another role has another tag.
  const { role } = useQueryClient().getQueryData<User>(['me']) ?? signedIn;
  return useQuery({
    ...withTags(defaults.permissions, [roleTag(role), userTag(signedIn.id)]),
    queryKey: ['me'],
    queryFn: () => get<User>('/api/auth/me'),
    initialData: signedIn,
    initialDataUpdatedAt: since,
    // What was revoked while the page was closed is not believed until its time is over.
    refetchOnMount: 'always',
  });
}

export function useOrders(query: OrderQuery) {
  return useQuery({
    ...optionsOf(defaults.orders, [useCompanyTag('orders')], 'orders.read'),
    queryKey: ['orders', query],
    queryFn: () => get<Page<Order>>(withQuery('/api/orders', query)),
    placeholderData: keepPreviousData,
  });
}

export function useOrder(id: string) {
  const { user } = useSession();
  return useQuery({
    ...optionsOf(defaults.orderDetails, [useCompanyTag('orders'), orderTag(user.companyId ?? 'none', id)], 'orders.read'),
    queryKey: ['order', id],
    queryFn: () => get<OrderDetails>(`/api/orders/${encodeURIComponent(id)}`),
  });
}

export function useShipments(query: { status?: string; courier?: string; page?: number; limit?: number }) {
  return useQuery({
    ...optionsOf(defaults.shipments, [useCompanyTag('shipments')], 'shipments.read'),
    queryKey: ['shipments', query],
    queryFn: () => get<Page<Shipment>>(withQuery('/api/shipments', query)),
    placeholderData: keepPreviousData,
  });
}

export function useShipment(id: string) {
  return useQuery({
    ...optionsOf(defaults.shipments, [useCompanyTag('shipments')], 'shipments.read'),
    queryKey: ['shipment', id],
    queryFn: () => get<Shipment>(`/api/shipments/${encodeURIComponent(id)}`),
  });
}

export function useWallet() {
  return useQuery({
    ...optionsOf(defaults.wallet, [useCompanyTag('wallet')], 'wallet.read'),
    queryKey: ['wallet'],
    queryFn: () => get<Balance>('/api/wallet'),
  });
}

export function useTransactions(page: number, limit = 20) {
  return useQuery({
    ...optionsOf(defaults.walletLists, [useCompanyTag('wallet')], 'wallet.read'),
    queryKey: ['transactions', page, limit],
    queryFn: () => get<Page<WalletTransaction>>(withQuery('/api/wallet/transactions', { page, limit })),
    placeholderData: keepPreviousData,
  });
}

export function useDashboard(days: number) {
  return useQuery({
    ...optionsOf(defaults.analytics, [useCompanyTag('analytics')], 'analytics.read'),
    queryKey: ['dashboard', days],
    queryFn: () => get<Dashboard>(withQuery('/api/analytics/dashboard', { days })),
    placeholderData: keepPreviousData,
  });
}

export interface QuoteRequest {
  from: string;
  to: string;
  weightGrams: number;
  paymentMode: string;
}

export function useQuotes(request: QuoteRequest) {
  const { can } = useSession();
  const isComplete = can('pricing.read') && /^\d{6}$/.test(request.from) && /^\d{6}$/.test(request.to) && request.weightGrams > 0;
  return useQuery({
    ...optionsOf(defaults.rateCards, [ZONES_TAG, RATES_TAG], 'pricing.read'),
    queryKey: ['quotes', request],
    queryFn: () => get<Quotes>(withQuery('/api/pricing/quote', request)),
    enabled: isComplete,
    placeholderData: isComplete ? keepPreviousData : undefined,
  });
}

export function useRateCards() {
  return useQuery({ ...optionsOf(defaults.rateCards, [RATES_TAG], 'admin.rates'), queryKey: ['rate-cards'], queryFn: () => get<RateCard[]>('/api/admin/rate-cards') });
}

export function useRoles() {
  return useQuery({ ...optionsOf(defaults.permissions, ROLES.map(roleTag), 'admin.roles'), queryKey: ['roles'], queryFn: () => get<{ role: Role; permissions: Permission[] }[]>('/api/admin/roles') });
}

export function useUsers(search: string, page: number, limit = 20) {
  const queryKey = ['users', search, page, limit];
  const known = useQueryClient().getQueryData<Page<Person>>(queryKey);
  return useQuery({
    // A person's role may change while the list shows it.
    ...optionsOf(defaults.permissions, (known?.items ?? []).map(({ id }) => userTag(id)), 'admin.roles'),
    queryKey,
    queryFn: () => get<Page<Person>>(withQuery('/api/admin/users', { search, page, limit })),
    placeholderData: keepPreviousData,
  });
}

/** Measurements change by themselves, so these two are read again and again, while somebody looks. */
const watched = { refetchInterval: 2_000, staleTime: 0, meta: { persist: false }, retry: false };

/** The figures of one instance. Without a number, of the one that the balancer chooses. */
export const useOperations = (instance: string | undefined) =>
  useQuery({ ...watched, queryKey: ['operations', instance], queryFn: () => get<Operations>('/api/operations', { instance }), placeholderData: keepPreviousData });
export const useInstances = () => useQuery({ ...watched, queryKey: ['instances'], queryFn: () => get<Instance[]>('/balancer/instances') });
