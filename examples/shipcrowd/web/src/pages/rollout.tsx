/** The migration, instance by instance and service by service: a canary first, then the others, and back. Each change restarts one instance while the others serve. */
import { useInstanceFlags, type FlagsChange } from '../api/mutations';
import { useInstances } from '../api/queries';
import type { Instance, Operations } from '../api/types';
import { useSession } from '../session/session';
import { count, words } from '../ui/format';
import { useNotice } from '../ui/notice';
import { Panel } from '../ui/parts';
import { Skeleton } from '../ui/states';

export function Rollout({ shown }: { shown: Operations }) {
  const instances = useInstances();
  const list = instances.data ?? [];
  const own = list.find(({ instance }) => String(instance) === shown.instance);
  return (
    <Panel title="Rollout" note={list.length === 0 ? undefined : stageOf(list)} className="wide">
      {instances.isPending ? (
        <Skeleton lines={3} />
      ) : list.length === 0 ? (
        <p className="hint">This process runs alone, without a balancer: there is nothing to roll out.</p>
      ) : (
        <>
          {shown.memory !== true && <Steps instances={list} />}
          <div className="instances">
            {list.map((one) => (
              <InstanceCard key={one.instance} one={one} isFixed={shown.memory === true} />
            ))}
          </div>
        </>
      )}
      {own !== undefined && <Services one={own} isFixed={shown.memory === true} />}
    </Panel>
  );
}

const isMigrated = ({ flags }: Instance): boolean => Object.values(flags).every((side) => side === 'after');

/** What an instance runs: all of one kind, or some services of each. */
function codeOf({ flags }: Instance): string {
  const sides = Object.values(flags);
  const after = sides.filter((side) => side === 'after').length;
  if (after === sides.length) return 'hawser';
  return after === 0 ? 'ioredis + redis' : `hawser in ${after} of ${sides.length} services`;
}

function stageOf(instances: readonly Instance[]): string {
  const [all, migrated] = [instances.length, instances.filter(isMigrated).length];
  if (migrated === all) return all === 1 ? 'The instance runs hawser' : `Done: all ${all} instances run hawser`;
  if (migrated > 0) return migrated === 1 ? `Canary: 1 of ${all} instances runs hawser` : `${migrated} of ${all} instances run hawser`;
  const isBegun = instances.some(({ flags }) => Object.values(flags).includes('after'));
  return isBegun ? 'Begun: some services run hawser' : 'Not begun: all instances run the old connections';
}

const isUp = ({ state }: Instance): boolean => state === 'up';

function Steps({ instances }: { instances: readonly Instance[] }) {
  const { can } = useSession();
  const { change, isPending } = useChange();
  if (!can('ops.rollout')) return <p className="hint">Changing this needs the permission ops.rollout.</p>;
  const next = instances.find((one) => !isMigrated(one));
  const latest = [...instances].reverse().find(isMigrated);
  // One instance at a time: the others serve.
  const isBusy = isPending || !instances.every(isUp);
  return (
    <div className="row wrap rollout-steps">
      <button type="button" className="button primary" disabled={isBusy || next === undefined} onClick={() => next !== undefined && change(next.instance, { REDIS_MANAGER_ENABLED: true })}>
        {next === undefined ? 'All instances run hawser' : latest === undefined ? `Start a canary on instance ${next.instance}` : `Roll out to instance ${next.instance}`}
      </button>
      <button type="button" className="button danger" disabled={isBusy || latest === undefined} onClick={() => latest !== undefined && change(latest.instance, { REDIS_MANAGER_ENABLED: false })}>
        {latest === undefined ? 'Nothing to roll back' : `Roll back instance ${latest.instance}`}
      </button>
    </div>
  );
}

const STATES: Record<string, string> = { up: 'Up', starting: 'Starting', draining: 'Stopping', down: 'Down', silent: 'Does not answer' };

function InstanceCard({ one, isFixed }: { one: Instance; isFixed: boolean }) {
  const { change, isPending } = useChange();
  const { can } = useSession();
  const on = isMigrated(one);
  return (
    <article className={on ? 'instance on' : 'instance'} aria-label={`Instance ${one.instance}`}>
      <header>
        <i className={isUp(one) ? 'dot open' : 'dot lost'} aria-hidden="true" />
        <strong>Instance {one.instance}</strong>
        <span className="muted">{STATES[one.state] ?? one.state}</span>
      </header>
      <p>
        <b>{codeOf(one)}</b>
        <small>
          {count(one.requests)} requests, {count(one.errors)} errors{one.pid === null ? '' : ` · process ${one.pid}`}
        </small>
      </p>
      <Switch
        label="REDIS_MANAGER_ENABLED"
        name={`hawser on instance ${one.instance}`}
        isOn={on}
        isDisabled={isFixed || isPending || !isUp(one) || !can('ops.rollout')}
        onChange={(next) => change(one.instance, { REDIS_MANAGER_ENABLED: next })}
      />
    </article>
  );
}

/** The single flags of an instance. */
function Services({ one, isFixed }: { one: Instance; isFixed: boolean }) {
  const { change, isPending } = useChange();
  const { can } = useSession();
  return (
    <fieldset className="services">
      <legend className="sub">Services of instance {one.instance}</legend>
      {Object.entries(one.flags).map(([name, side]) => (
        <div key={name} className={side}>
          <Switch
            label={words(name.toLowerCase())}
            name={`${words(name.toLowerCase())} on instance ${one.instance}`}
            isOn={side === 'after'}
            isDisabled={isFixed || isPending || !isUp(one) || !can('ops.rollout')}
            onChange={(next) => change(one.instance, { services: { [name]: next } })}
          />
          <b>{side}</b>
        </div>
      ))}
    </fieldset>
  );
}

function Switch({ label, name, isOn, isDisabled, onChange }: { label: string; name: string; isOn: boolean; isDisabled: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="switch">
      <input type="checkbox" role="switch" checked={isOn} disabled={isDisabled} onChange={() => onChange(!isOn)} aria-label={name} />
      <span aria-hidden="true" />
      {label}
    </label>
  );
}

function useChange(): { change: (instance: number, flags: FlagsChange['flags']) => void; isPending: boolean } {
  const mutation = useInstanceFlags();
  const notice = useNotice();
  return {
    isPending: mutation.isPending,
    change: (instance, flags) =>
      mutation.mutate(
        { instance, flags },
        {
          onSuccess: () => notice(`Instance ${instance} starts again with the new flags. The others serve meanwhile.`),
          onError: (error) => notice(error.message, 'failed'),
        },
      ),
  };
}
