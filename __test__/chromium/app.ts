/** What the page of these specs runs: `hawser/client` and TanStack Query, started and watched by the specs through `globalThis.app`. */
import { QueryClient, QueryObserver } from '@tanstack/query-core';
import * as persist from '@tanstack/query-persist-client-core';
import { defineTiers, queryDefaults, subscribeInvalidations, withTags, type InvalidationOptions } from 'hawser/client';
import { persistOptions, type PersisterOptions } from 'hawser/client/persister';

const tiers = defineTiers({
  orders: { ttl: 300, browser: { staleTime: 30 } },
  prices: { ttl: 3600, browser: { staleTime: Infinity, persist: true } },
});
const defaults = queryDefaults(tiers);
const client = new QueryClient();
client.mount();

let unsubscribe: ReturnType<typeof subscribeInvalidations> | undefined;
/** What hooks have told. */
const seen = { states: [] as string[], bursts: [] as (string[] | null)[], errors: [] as string[] };

const app = {
  seen,
  /** Restores what is stored, and stores from now on. */
  async persist(options: PersisterOptions = {}): Promise<void> {
    const made = persistOptions({ throttleMs: 10, onError: (error) => void seen.errors.push(String(error)), ...options });
    // It may bring a core of its own version, whose classes have private members.
    const [, restored] = persist.persistQueryClient({ queryClient: client, ...made } as never);
    await restored;
  },
  /** A query that the page shows. */
  show(name: string, tier: keyof typeof tiers, tags: string[]): void {
    const queryFn = async (): Promise<unknown> => {
      const response = await fetch(`/data/${name}`);
      // Dates are what JSON has not.
      return { ...((await response.json()) as object), at: new Date(0) };
    };
    new QueryObserver(client, { ...withTags(defaults[tier], tags), queryKey: [name], queryFn, retry: false }).subscribe(() => undefined);
  },
  /** The data of a query as the page has it; `at` is true if its date is one. */
  data(name: string): { n: number; at: boolean } | undefined {
    const data = client.getQueryData<{ n: number; at: unknown }>([name]);
    return data && { n: data.n, at: data.at instanceof Date };
  },
  set(name: string, n: number): void {
    client.setQueryData([name], { n, at: new Date(0) });
  },
  options: (name: string): { staleTime?: unknown; gcTime?: unknown } | undefined => client.getQueryCache().find({ queryKey: [name] })?.options,
  subscribe(options: InvalidationOptions = {}): void {
    unsubscribe = subscribeInvalidations(client, '/stream', {
      minDelayMs: 20,
      maxDelayMs: 200,
      resetSpreadMs: 10,
      onState: (state) => void seen.states.push(state),
      onInvalidate: (tags) => void seen.bursts.push(tags === undefined ? null : [...tags]),
      ...options,
    });
  },
  state: () => unsubscribe?.state,
  unsubscribe: () => unsubscribe?.(),
};

export type App = typeof app;
(globalThis as { app?: App }).app = app;
