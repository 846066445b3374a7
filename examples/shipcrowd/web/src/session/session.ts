/** Who is signed in. */
import { createContext, useContext } from 'react';
import type { User } from '../api/types';

/** What survives a reload. */
export interface StoredSession {
  token: string;
  user: User;
  /** When the user was fetched. */
  at: number;
}

export interface Session {
  user: User;
  token: string;
  can(permission: string): boolean;
  signOut(): void;
}

export const SessionContext = createContext<Session | undefined>(undefined);

/** The session of everything inside of `SignedIn`. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('useSession outside of SignedIn');
  return session;
}

const KEY = 'shipcrowd.session';

export function storedSession(): StoredSession | null {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? 'null') as StoredSession | null;
    return typeof stored?.token === 'string' && typeof stored.user?.id === 'string' ? stored : null;
  } catch {
    return null;
  }
}

export function storeSession(session: StoredSession | null): void {
  if (session === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, JSON.stringify(session));
}

/** Whether this browser is still signed in with a token: another tab may have signed out. */
export const isStored = (token: string): boolean => storedSession()?.token === token;

/** Runs when another tab signs in or out. */
export function watchStoredSession(listener: (session: StoredSession | null) => void): () => void {
  const changed = ({ key }: StorageEvent): void => {
    if (key === KEY || key === null) listener(storedSession());
  };
  window.addEventListener('storage', changed);
  return () => window.removeEventListener('storage', changed);
}
