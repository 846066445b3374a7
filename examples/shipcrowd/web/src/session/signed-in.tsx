/** A session: its query cache, on the user's disk as well, and the user as the server knows them now. */
import { useIsRestoring, useQueryClient } from '@tanstack/react-query';
import { PersistQueryClientProvider } from '@tanstack/react-query-persist-client';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { authorize, request } from '../api/http';
import { useMe } from '../api/queries';
import { LiveProvider } from './live';
import { dropForbidden, newQueryClient } from './query-client';
import { isStored, SessionContext, storeSession, watchStoredSession, type StoredSession } from './session';
import { forgetOthers, storedQueriesOf } from './stored-queries';

interface Props {
  session: StoredSession;
  /** With the session that another tab has begun meanwhile, if one has. */
  onEnded: (next: StoredSession | null) => void;
  children: ReactNode;
}

export function SignedIn({ session: { token, user, at }, onEnded, children }: Props) {
  const [client] = useState(newQueryClient);
  const options = useMemo(() => storedQueriesOf(user.id), [user.id]);
  const [end] = useState(() => (next: StoredSession | null = null) => {
    if (next === null && isStored(token)) storeSession(null);
    // The page goes first, so that nothing is fetched and stored again.
    onEnded(next);
    if (next?.user.id === user.id) return;
    client.clear();
    // This includes a write that waits for its turn.
    void options.persister.removeClient();
  });
  // Before the first query runs.
  useState(() => authorize(token, () => end()));
  useEffect(() => void forgetOthers(user.id), [user.id]);
  useEffect(
    () =>
      watchStoredSession((next) => {
        if (next?.token !== token) end(next);
      }),
    [token, end],
  );
  return (
    <PersistQueryClientProvider client={client} persistOptions={options}>
      <CurrentUser session={{ token, user, at }} end={end}>
        <LiveProvider>{children}</LiveProvider>
      </CurrentUser>
    </PersistQueryClientProvider>
  );
}

function CurrentUser({ session, end, children }: { session: StoredSession; end: () => void; children: ReactNode }) {
  const client = useQueryClient();
  const { data: user, dataUpdatedAt } = useMe(session.user, session.at);
  const isRestoring = useIsRestoring();
  const { token } = session;
  useEffect(() => {
    if (isStored(token)) storeSession({ token, user, at: dataUpdatedAt });
  }, [token, user, dataUpdatedAt]);
  // What was restored may be from a time when the user was allowed more.
  useEffect(() => {
    if (!isRestoring) dropForbidden(client, user.permissions);
  }, [client, user.permissions, isRestoring]);
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
