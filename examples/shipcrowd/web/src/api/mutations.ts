/** What the page writes. The stream tells every browser of the company what that invalidates, this one too; where the stream is down, this one helps itself. */
import { useMutation, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import { useLive } from '../session/live';
import { request, type ApiError } from './http';
import { useCompanyTag } from './queries';
import { RATES_TAG, ZONES_TAG } from '../../../server/tags';
import type { Area, Instance, NewOrder, Order, OrderDetails, Permission, Person, RateCard, Shipment } from './types';

type Mutation<T, V> = UseMutationResult<T, ApiError, V>;

/** Marks queries with one of the tags as stale, unless the stream does it. */
function useInvalidate(): (tags: string[]) => void {
  const client = useQueryClient();
  const { state } = useLive();
  return (tags) => {
    if (state === 'open') return;
    void client.invalidateQueries({ predicate: ({ meta }) => (meta?.tags as string[] | undefined)?.some((tag) => tags.includes(tag)) === true });
  };
}

export function useCreateOrder(): Mutation<Order, NewOrder> {
  const invalidate = useInvalidate();
  const tags = [useCompanyTag('orders'), useCompanyTag('analytics'), useCompanyTag('wallet')];
  return useMutation({ mutationFn: (order: NewOrder) => request<Order>('POST', '/api/orders', { body: order }), onSuccess: () => invalidate(tags) });
}

export function useOrderStatus(id: string): Mutation<OrderDetails, string> {
  const client = useQueryClient();
  const invalidate = useInvalidate();
  const tags = [useCompanyTag('orders'), useCompanyTag('shipments'), useCompanyTag('analytics')];
  return useMutation({
    mutationFn: (status: string) => request<OrderDetails>('PATCH', `/api/orders/${encodeURIComponent(id)}/status`, { body: { status } }),
    onSuccess: () => {
      invalidate(tags);
      void client.invalidateQueries({ queryKey: ['order', id] });
    },
  });
}

export function useShipmentStatus(id: string): Mutation<Shipment, string> {
  const client = useQueryClient();
  const invalidate = useInvalidate();
  const tags = [useCompanyTag('shipments'), useCompanyTag('orders')];
  return useMutation({
    mutationFn: (status: string) => request<Shipment>('PATCH', `/api/shipments/${encodeURIComponent(id)}/status`, { body: { status } }),
    onSuccess: () => {
      invalidate(tags);
      void client.invalidateQueries({ queryKey: ['shipment', id] });
    },
  });
}

export function useRecharge(): Mutation<unknown, number> {
  const invalidate = useInvalidate();
  const tags = [useCompanyTag('wallet')];
  return useMutation({ mutationFn: (amount: number) => request('POST', '/api/wallet/recharge', { body: { amount } }), onSuccess: () => invalidate(tags) });
}

export function useRateCardPrice(): Mutation<RateCard, { id: string; price: number }> {
  const invalidate = useInvalidate();
  return useMutation({
    mutationFn: ({ id, price }) => request<RateCard>('PATCH', `/api/admin/rate-cards/${encodeURIComponent(id)}`, { body: { price } }),
    onSuccess: () => invalidate([RATES_TAG]),
  });
}

export function usePincodeZone(): Mutation<unknown, { pincode: string; zone: Area }> {
  const invalidate = useInvalidate();
  return useMutation({ mutationFn: ({ pincode, zone }) => request('PATCH', `/api/admin/pincodes/${pincode}`, { body: { zone } }), onSuccess: () => invalidate([ZONES_TAG]) });
}

export function useRolePermissions(): Mutation<unknown, { role: string; permissions: Permission[] }> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ role, permissions }) => request('PUT', `/api/admin/roles/${encodeURIComponent(role)}/permissions`, { body: { permissions } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['roles'] }),
  });
}

export function useUserRole(): Mutation<Person, { id: string; role: string }> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, role }) => request<Person>('PUT', `/api/admin/users/${encodeURIComponent(id)}/role`, { body: { role } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['users'] }),
  });
}

export interface FlagsChange {
  instance: number;
  /** `REDIS_MANAGER_ENABLED` sets all services, `services` are exceptions. */
  flags: { REDIS_MANAGER_ENABLED?: boolean; services?: Record<string, boolean> };
}

/** Restarts one instance with other flags. It has begun when this succeeds; the instance's state says when it has ended. */
export function useInstanceFlags(): Mutation<Instance, FlagsChange> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ instance, flags }) => request<Instance>('PUT', `/balancer/instances/${instance}/flags`, { body: flags }),
    onSettled: () => client.invalidateQueries({ queryKey: ['instances'] }),
  });
}
