/** The migration, instance by instance: a canary first, then the others, and back. Each change restarts one instance while the others serve. */
import { useInstanceFlags } from '../api/mutations';
import { useInstances } from '../api/queries';
import type { Instance } from '../api/types';
import { useSession } from '../session/session';
import { count, words } from '../ui/format';
import { useNotice } from '../ui/notice';
import { Panel } from '../ui/parts';
import { Skeleton } from '../ui/states';

export function Rollout({ services }: { services: Record<string, 'before' | 'after'> }) {
  const instances = useInstances();
  const list = instances.data ?? [];
  const migrated = list.filter(isMigrated).length;
  return (
    <Panel title="Rollout" note={list.length === 0 ? undefined : stageOf(migrated, list.length)} className="wide">
      {instances.isPending ? (
        <Skeleton lines={3} />
      ) : list.length === 0 ? (
        <p className="hint">This process runs alone, without a balancer: there is nothing to roll out.</p>
      ) : (
        <>
          <Steps migrated={migrated} instances={list} />
          <div className="instances">
            {list.map((one) => (
              <InstanceCard key={one.instance} one={one} />
            ))}
          </div>
        </>
      )}
      <h3 className="sub">Services of this instance</h3>
      <ul className="services" aria-label="Services of this instance">
        {Object.entries(services).map(([name, version]) => (
          <li key={name} className={version}>
            {words(name.toLowerCase())}
            <b>{version}</b>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export function isMigrated({ flags }: Instance): boolean {
  return Object.values(flags).every((version) => version === 'after');
}

/** What an instance runs: all of one kind, or some services of each. */
function codeOf({ flags }: Instance): string {
  const versions = Object.values(flags);
  const after = versions.filter((version) => version === 'after').length;
  if (after === versions.length) return 'hawser';
  return after === 0 ? 'ioredis + redis' : `hawser in ${after} of ${versions.length} services`;
}

function stageOf(migrated: number, all: number): string {
  if (migrated === 0) return 'Not begun: all instances run the old connections';
  if (migrated === all) return 'Done: all instances run hawser';
  return migrated === 1 ? `Canary: 1 of ${all} instances runs hawser` : `${migrated} of ${all} instances run hawser`;
}

function Steps({ migrated, instances }: { migrated: number; instances: readonly Instance[] }) {
  const { can } = useSession();
  const { change, isPending } = useChange();
  if (!can('ops.rollout')) return <p className="hint">Changing this needs the permission ops.rollout.</p>;
  const next = instances.find((one) => !isMigrated(one));
  const latest = [...instances].reverse().find(isMigrated);
  return (
    <div className="row wrap rollout-steps">
      <button type="button" className="button primary" disabled={isPending || next === undefined} onClick={() => next !== undefined && change(next.instance, true)}>
        {migrated === 0 ? `Start a canary on instance ${next?.instance ?? ''}` : next === undefined ? 'All instances run hawser' : `Roll out to instance ${next.instance}`}
      </button>
      <button type="button" className="button danger" disabled={isPending || latest === undefined} onClick={() => latest !== undefined && change(latest.instance, false)}>
        {latest === undefined ? 'Nothing to roll back' : `Roll back instance ${latest.instance}`}
      </button>
    </div>
  );
}

function InstanceCard({ one }: { one: Instance }) {
  const { can } = useSession();
  const { change, isPending } = useChange();
  const on = isMigrated(one);
  return (
    <article className={on ? 'instance on' : 'instance'} aria-label={`Instance ${one.instance}`}>
      <header>
        <i className={`dot ${one.state === 'up' || one.state === 'ready' || one.state === 'running' ? 'on' : 'off'}`} aria-hidden="true" />
        <strong>Instance {one.instance}</strong>
        <span className="muted">{one.state}</span>
      </header>
      <p>
        <b>{codeOf(one)}</b>
        <small>
          {count(one.requests)} requests, {count(one.errors)} errors{one.pid === null ? '' : ` · process ${one.pid}`}
        </small>
      </p>
      <label className="switch">
        <input type="checkbox" role="switch" checked={on} disabled={isPending || !can('ops.rollout')} onChange={() => change(one.instance, !on)} aria-label={`hawser on instance ${one.instance}`} />
        <span aria-hidden="true" />
        REDIS_MANAGER_ENABLED
      </label>
    </article>
  );
}

function useChange(): { change: (instance: number, on: boolean) => void; isPending: boolean } {
  const flags = useInstanceFlags();
  const notice = useNotice();
  return {
    isPending: flags.isPending,
    change: (instance, on) =>
      flags.mutate(
        { instance, flags: { REDIS_MANAGER_ENABLED: on } },
        {
          onSuccess: () => notice(on ? `Instance ${instance} runs hawser now.` : `Instance ${instance} is rolled back.`),
          onError: (error) => notice(error.message, 'failed'),
        },
      ),
  };
}
