/** The stream of invalidations: what anybody of the company changes, through any instance, is fetched again here. */
import { useQueryClient } from '@tanstack/react-query';
import { subscribeInvalidations, type InvalidationState } from 'hawser/client';
import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from 'react';
import { useSession } from './session';

interface Live {
  state: InvalidationState;
  isOnline: boolean;
  /** When the latest change arrived. */
  changedAt: number | undefined;
}

const LiveContext = createContext<Live>({ state: 'closed', isOnline: true, changedAt: undefined });

export const useLive = (): Live => useContext(LiveContext);

export function LiveProvider({ children }: { children: ReactNode }) {
  const { token, user } = useSession();
  const client = useQueryClient();
  const [state, setState] = useState<InvalidationState>('connecting');
  const [changedAt, setChangedAt] = useState<number>();
  const isOnline = useIsOnline();
  useEffect(
    // EventSource sends no headers, so the token is a parameter.
    () => subscribeInvalidations(client, `/api/stream?token=${encodeURIComponent(token)}`, { onState: setState, onInvalidate: () => setChangedAt(Date.now()), maxDelayMs: 5_000 }),
    // The server shows a connection the tags of the role that the user had when it began.
    [client, token, user.role],
  );
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
