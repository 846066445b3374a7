/** The query cache of a session, and what is done about refusals. */
import { MutationCache, onlineManager, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError, isForbidden } from '../api/http';
import type { Permission } from '../api/types';

export function newQueryClient(): QueryClient {
  // It assumes a network until an event says otherwise, and a page that is loaded without one gets no event: its queries would fail instead of waiting.
  onlineManager.setOnline(navigator.onLine);
  // A refusal that the page did not expect: the user's permissions have changed, and nobody has told the page.
  const refused = (error: unknown): void => {
    if (isForbidden(error)) void client.invalidateQueries({ queryKey: ['me'] });
  };
  const client = new QueryClient({
    queryCache: new QueryCache({ onError: refused }),
    mutationCache: new MutationCache({ onError: refused }),
    defaultOptions: {
      queries: {
        // What the server refuses, it refuses again.
        retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
        refetchOnWindowFocus: false,
      },
    },
  });
  return client;
}

/** Drops the data that needs a permission which the user does not have, and with it what the browser has stored of it. */
export function dropForbidden(client: QueryClient, permissions: readonly Permission[]): void {
  client.removeQueries({
    predicate: ({ meta }) => meta?.permission !== undefined && !permissions.includes(meta.permission as Permission),
  });
}
