/** The stream of invalidations: what anybody of the company changes, through any instance, is fetched again here. */
import { useQueryClient } from '@tanstack/react-query';
import { subscribeInvalidations, type InvalidationState } from 'hawser/client';
import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from 'react';
import { isUnreachable } from '../api/http';
import { useSession } from './session';

interface Live {
  /** `absent`: the instance runs the old code, which has no stream. */
  state: InvalidationState | 'absent';
  isOnline: boolean;
  /** When the latest change arrived. */
  changedAt: number | undefined;
}

const LiveContext = createContext<Live>({ state: 'closed', isOnline: true, changedAt: undefined });

export const useLive = (): Live => useContext(LiveContext);

export function LiveProvider({ children }: { children: ReactNode }) {
  const { token, user } = useSession();
  const client = useQueryClient();
  const [state, setState] = useState<Live['state']>('connecting');
  const [changedAt, setChangedAt] = useState<number>();
  const isOnline = useIsOnline();
  useEffect(
    () =>
      subscribeInvalidations(client, '/api/stream', {
        // EventSource sends no headers; the token would be in the address, and so in logs.
        headers: { authorization: `Bearer ${token}` },
        maxDelayMs: 5_000,
        onState: (next) => setState((now) => (now === 'absent' && next !== 'open' ? now : next)),
        onInvalidate: () => setChangedAt(Date.now()),
        onError: (error) => {
          const { status } = error as { status?: number };
          setState(status === 404 ? 'absent' : 'waiting');
          // The session may have ended elsewhere.
          if (status === 401 || status === 403) void client.invalidateQueries({ queryKey: ['me'] });
        },
      }),
    // The server shows a connection the tags of the role that the user had when it began.
    [client, token, user.role],
  );
  // What could not be loaded meanwhile. Data that is there is the stream's business.
  useEffect(() => {
    if (state === 'open') void client.refetchQueries({ type: 'active', predicate: ({ state: { error } }) => isUnreachable(error) });
  }, [client, state]);
  // Nobody tells what was changed since the browser has stored its data, not even by this user a moment before the page was loaded again.
  useEffect(() => {
    if (state === 'absent') void client.invalidateQueries();
  }, [client, state]);
  const live = useMemo(() => ({ state, isOnline, changedAt }), [state, isOnline, changedAt]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

function useIsOnline(): boolean {
  return useSyncExternalStore(
    (changed) => {
      window.addEventListener('online', changed);
      window.addEventListener('offline', changed);
      return () => {
        window.removeEventListener('online', changed);
        window.removeEventListener('offline', changed);
      };
    },
    () => navigator.onLine,
  );
}
