/** `hawser/client`: types with TanStack Query's own. (Those of 5.0.0 do not compile without `skipLibCheck`: subscribe.spec.ts has them.) */
import { QueryClient, QueryObserver, type QueryObserverOptions } from '@tanstack/query-core';
import { defineTiers as define, invalidationStream, CacheRepository } from 'hawser';
import { defineTiers, queryDefaults, subscribeInvalidations, withTags, type QueryDefaults } from 'hawser/client';
import { createServer } from 'node:http';
import { expectTypeOf } from 'expect-type';

const tiers = defineTiers({ orders: { ttl: 300, browser: { staleTime: 30 } } });
const defaults = queryDefaults(tiers);
expectTypeOf(defaults).toEqualTypeOf<{ readonly orders: QueryDefaults }>();
// @ts-expect-error -- no such tier
void defaults.order;
// The backend's definitions are the browser's.
expectTypeOf(queryDefaults(define({ a: { ttl: 1 } })).a).toEqualTypeOf<QueryDefaults>();

const options: QueryObserverOptions<number> = { ...withTags(defaults.orders, ['t']), queryKey: ['orders'], queryFn: () => 1 };
void new QueryObserver(new QueryClient(), options);

const unsubscribe = subscribeInvalidations(new QueryClient(), '/stream', { headers: async () => ({ authorization: 'x' }) });
expectTypeOf(unsubscribe).toBeCallableWith();
expectTypeOf(unsubscribe.cursor).toEqualTypeOf<string | undefined>();
void subscribeInvalidations(new QueryClient(), new URL('http://localhost/stream'));
// @ts-expect-error -- no such transport
void subscribeInvalidations(new QueryClient(), '/stream', { transport: 'websocket' });

const stream = invalidationStream([new CacheRepository('orders')], { filter: (tag, request) => tag.startsWith(String(request.company)) });
createServer((request, response) => void stream(request, response));
expectTypeOf(stream(new Request('http://x/'))).toEqualTypeOf<Promise<Response>>();
expectTypeOf(stream.connections).toEqualTypeOf<number>();
