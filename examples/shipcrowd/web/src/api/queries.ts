/**
 * What the page reads. Each query takes its times from its tier, the same that the server caches with, and carries the tags that the server invalidates: the stream names them, and the query
 * is fetched again. Nothing here polls but the operations page.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { queryDefaults, withTags } from 'hawser/client';
import { tiers } from '../../../server/tiers';
import { useSession } from '../session/session';
import { get, withQuery } from './http';
import { companyTag, orderTag, RATES_TAG, roleTag, userTag, ZONES_TAG, type Resource } from '../../../server/tags';
import { ROLES } from '../../../server/types';
import type { Balance, Dashboard, Instance, Operations, Order, OrderDetails, OrderQuery, Page, Permission, Person, Quotes, RateCard, Role, Shipment, User, WalletTransaction } from './types';

const defaults = queryDefaults(tiers);

/** The tag of a resource of the own company. */
export function useCompanyTag(resource: Resource): string {
  const { user } = useSession();
  return companyTag(user.companyId ?? 'none', resource);
}

/** The user with the permissions of now. */
export function useMe(signedIn: User, since: number) {
  return useQuery({
    ...withTags(defaults.permissions, [roleTag(signedIn.role), userTag(signedIn.id)]),
    queryKey: ['me'],
    queryFn: () => get<User>('/api/auth/me'),
    initialData: signedIn,
    initialDataUpdatedAt: since,
  });
}

export function useOrders(query: OrderQuery) {
  return useQuery({
    ...withTags(defaults.orders, [useCompanyTag('orders')]),
    queryKey: ['orders', query],
    queryFn: () => get<Page<Order>>(withQuery('/api/orders', query)),
    placeholderData: keepPreviousData,
  });
}

export function useOrder(id: string) {
  const { user } = useSession();
  return useQuery({
    ...withTags(defaults.orderDetails, [useCompanyTag('orders'), orderTag(user.companyId ?? 'none', id)]),
    queryKey: ['order', id],
    queryFn: () => get<OrderDetails>(`/api/orders/${encodeURIComponent(id)}`),
  });
}

export function useShipments(query: { status?: string; courier?: string; page?: number; limit?: number }) {
  return useQuery({
    ...withTags(defaults.shipments, [useCompanyTag('shipments')]),
    queryKey: ['shipments', query],
    queryFn: () => get<Page<Shipment>>(withQuery('/api/shipments', query)),
    placeholderData: keepPreviousData,
  });
}

export function useShipment(id: string) {
  return useQuery({
    ...withTags(defaults.shipments, [useCompanyTag('shipments')]),
    queryKey: ['shipment', id],
    queryFn: () => get<Shipment>(`/api/shipments/${encodeURIComponent(id)}`),
  });
}

export function useWallet() {
  return useQuery({
    ...withTags(defaults.wallet, [useCompanyTag('wallet')]),
    queryKey: ['wallet'],
    queryFn: () => get<Balance>('/api/wallet'),
  });
}

export function useTransactions(page: number, limit = 20) {
  return useQuery({
    ...withTags(defaults.walletLists, [useCompanyTag('wallet')]),
    queryKey: ['transactions', page, limit],
    queryFn: () => get<Page<WalletTransaction>>(withQuery('/api/wallet/transactions', { page, limit })),
    placeholderData: keepPreviousData,
  });
}

export function useDashboard(days: number) {
  return useQuery({
    ...withTags(defaults.analytics, [useCompanyTag('analytics')]),
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
  const isComplete = /^\d{6}$/.test(request.from) && /^\d{6}$/.test(request.to) && request.weightGrams > 0;
  return useQuery({
    ...withTags(defaults.rateCards, [ZONES_TAG, RATES_TAG]),
    queryKey: ['quotes', request],
    queryFn: () => get<Quotes>(withQuery('/api/pricing/quote', request)),
    enabled: isComplete,
    placeholderData: isComplete ? keepPreviousData : undefined,
  });
}

export function useRateCards() {
  return useQuery({ ...withTags(defaults.rateCards, [RATES_TAG]), queryKey: ['rate-cards'], queryFn: () => get<RateCard[]>('/api/admin/rate-cards') });
}

export function useRoles() {
  return useQuery({ ...withTags(defaults.permissions, ROLES.map(roleTag)), queryKey: ['roles'], queryFn: () => get<{ role: Role; permissions: Permission[] }[]>('/api/admin/roles') });
}

export function useUsers(search: string, page: number, limit = 20) {
  return useQuery({
    ...defaults.permissions,
    queryKey: ['users', search, page, limit],
    queryFn: () => get<Page<Person>>(withQuery('/api/admin/users', { search, page, limit })),
    placeholderData: keepPreviousData,
  });
}

/** Measurements change by themselves, so these two are read again and again, while somebody looks. */
const watched = { refetchInterval: 2_000, staleTime: 0, meta: { persist: false } };

export const useOperations = () => useQuery({ ...watched, queryKey: ['operations'], queryFn: () => get<Operations>('/api/operations') });
export const useInstances = () => useQuery({ ...watched, queryKey: ['instances'], queryFn: () => get<Instance[]>('/balancer/instances'), retry: false });
