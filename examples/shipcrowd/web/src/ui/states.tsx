/** What a page shows without data: while it loads, if there is none, if it fails, offline, and without the permission. */
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { isForbidden, isUnreachable } from '../api/http';
import { useLive } from '../session/live';
import { Icon, type IconName } from './icons';
import { PageHead } from './parts';

/** A state that fills its place. */
export function Empty({ icon = 'box', title, children }: { icon?: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} size={32} />
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
    </div>
  );
}

export function NoAccess({ permission }: { permission: string }) {
  return (
    <>
      <PageHead title="No access" />
      <div className="panel" role="alert">
        <Empty icon="lock" title="You have no access to this page">
          It needs the permission <code>{permission}</code>. Ask the owner of your company for it; the page opens as soon as you have it.
        </Empty>
      </div>
    </>
  );
}

export function Skeleton({ lines = 6 }: { lines?: number }) {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} style={{ width: `${92 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

/** The data of a query, or the state that it is in instead. Data that is there is shown, however old; the status line says how it stands. */
export function Loaded<T>({ query, lines, children }: { query: UseQueryResult<T>; lines?: number; children: (data: T) => ReactNode }) {
  const { isOnline } = useLive();
  // What the server does not show any more is not shown, though the page still has it.
  if (query.data !== undefined && !isForbidden(query.error)) return children(query.data);
  if (query.fetchStatus === 'paused' || !isOnline || isUnreachable(query.error)) {
    return (
      <Empty icon="offline" title="Not available without a connection">
        This device has not kept what belongs here. It appears as soon as the server can be reached.
      </Empty>
    );
  }
  if (query.isError) {
    return (
      <div role="alert">
        <Empty icon="alert" title="This could not be loaded">
          {query.error.message}{' '}
          <button type="button" className="button" onClick={() => void query.refetch()}>
            Try again
          </button>
        </Empty>
      </div>
    );
  }
  return <Skeleton lines={lines} />;
}
