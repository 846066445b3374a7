/** A session's query cache, on the user's disk under a key of the user's own, and the user as the server knows them now. */
import { QueryClient, useIsRestoring } from '@tanstack/react-query';
import { PersistQueryClientProvider } from '@tanstack/react-query-persist-client';
import { persistOptions } from 'hawser/client/persister';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { ApiError, authorize, request } from '../api/http';
import { useMe } from '../api/queries';
import { LiveProvider } from './live';
import { SessionContext, storeSession, type StoredSession } from './session';

/** The form of the data that is stored. Another version drops it. */
const BUSTER = 'shipcrowd-1';

function newClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // What the server refuses, it refuses again.
        retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
        refetchOnWindowFocus: false,
      },
    },
  });
}

export function SignedIn({ session, onSignedOut, children }: { session: StoredSession; onSignedOut: () => void; children: ReactNode }) {
  const [client] = useState(newClient);
  const options = useMemo(() => persistOptions({ database: 'shipcrowd', key: `user:${session.user.id}`, buster: BUSTER, throttleMs: 200 }), [session.user.id]);
  const [end] = useState(() => async () => {
    client.clear();
    await options.persister.removeClient();
    onSignedOut();
  });
  // Before the first query runs.
  useState(() => authorize(session.token, () => void end()));
  return (
    <PersistQueryClientProvider client={client} persistOptions={options}>
      <CurrentUser session={session} end={end}>
        <LiveProvider>{children}</LiveProvider>
      </CurrentUser>
    </PersistQueryClientProvider>
  );
}

function CurrentUser({ session, end, children }: { session: StoredSession; end: () => Promise<void>; children: ReactNode }) {
  const { data: user, dataUpdatedAt } = useMe(session.user, session.at);
  const isRestoring = useIsRestoring();
  const { token } = session;
  useEffect(() => storeSession({ token, user, at: dataUpdatedAt }), [token, user, dataUpdatedAt]);
  const value = useMemo(
    () => ({
      user,
      token,
      can: (permission: string) => (user.permissions as string[]).includes(permission),
      signOut: () => void request('POST', '/api/auth/logout').catch(() => undefined).then(end),
    }),
    [user, token, end],
  );
  return <SessionContext value={value}>{isRestoring ? null : children}</SessionContext>;
}
