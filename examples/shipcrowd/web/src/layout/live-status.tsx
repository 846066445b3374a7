/** Whether changes arrive by themselves, and which instance has answered last. */
import { useEffect, useState } from 'react';
import { watchInstance } from '../api/http';
import { useLive } from '../session/live';
import { timeOf } from '../ui/format';

export function LiveStatus() {
  const { state, isOnline, changedAt } = useLive();
  const [instance, setInstance] = useState<string>();
  useEffect(() => watchInstance(setInstance), []);
  const kind = !isOnline ? 'offline' : state === 'open' || state === 'absent' ? state : 'waiting';
  const text = { offline: 'Offline', open: 'Live', waiting: 'Reconnecting', absent: 'Not live' }[kind];
  return (
    <div className="live-place">
      {kind === 'offline' && <span className="live-note">You see what this device has kept.</span>}
      {kind === 'absent' && <span className="live-note">The old code tells nobody what changes.</span>}
      {instance !== undefined && <span className="chip">Instance {instance}</span>}
      <span className={`live ${kind}`} role="status" aria-label={`Live updates: ${text}`} title={changedAt === undefined ? undefined : `Latest change at ${timeOf(changedAt)}`}>
        <i aria-hidden="true" />
        {text}
      </span>
    </div>
  );
}
