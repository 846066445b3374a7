/** What runs behind the page: one instance's connections, hit rates against their targets and queues; all instances and the rollout. */
import { useState } from 'react';
import { tiers } from '../../../server/tiers';
import { useInstances, useOperations } from '../api/queries';
import type { Instance, Operations as Data } from '../api/types';
import { Meter } from '../charts/meter';
import { bytes, count, duration, percent, words } from '../ui/format';
import { PageHead, Panel } from '../ui/parts';
import { Empty, Loaded } from '../ui/states';
import { Rollout } from './rollout';

export function Operations() {
  const [chosen, setChosen] = useState<string>();
  const query = useOperations(chosen);
  const instances = useInstances().data ?? [];
  const shown = query.data?.instance;
  // The balancer has chosen the first time. From then on the page stays there, or its figures would be another instance's each time.
  if (chosen === undefined && shown !== undefined) setChosen(shown);
  return (
    <>
      <PageHead title="Operations" note={query.data === undefined ? undefined : noteOf(query.data)}>
        {instances.length > 1 && <Choice instances={instances} chosen={chosen} onChange={setChosen} />}
      </PageHead>
      {query.isError && query.data !== undefined && (
        <p role="status" className="hint boxed">
          Instance {chosen} does not answer: {query.error.message}. These are its latest figures.
        </p>
      )}
      <Loaded query={query} lines={12}>
        {(data) => (
          <div className={query.isPlaceholderData ? 'operations updating' : 'operations'}>
            <Server data={data} />
            <Rollout shown={data} />
            <Tiers figures={data.tiers} />
            <Connections connections={data.connections} />
            <Queues queues={data.queues} />
          </div>
        )}
      </Loaded>
    </>
  );
}

const noteOf = ({ instance, uptime, memory }: Data): string =>
  `Instance ${instance}, up for ${duration(uptime)}${memory === true ? ' · without Redis: cache, limits and queues are in the process' : ''}`;

function Choice({ instances, chosen, onChange }: { instances: readonly Instance[]; chosen: string | undefined; onChange: (instance: string) => void }) {
  return (
    <div className="segments" role="group" aria-label="Figures of">
      {instances.map(({ instance }) => (
        <button key={instance} type="button" aria-pressed={String(instance) === chosen} onClick={() => onChange(String(instance))}>
          Instance {instance}
        </button>
      ))}
    </div>
  );
}

/** Words for the states that the libraries have. A connection that nobody has needed yet is not open, and nothing is wrong with it. */
function conditionOf(state: string): 'open' | 'unused' | 'lost' {
  if (state === 'ready' || state === 'connected') return 'open';
  return state === 'closed' || state === 'wait' ? 'unused' : 'lost';
}

const openOf = (connections: Data['connections']): number => connections.filter(({ state }) => conditionOf(state) === 'open').length;

function Server({ data: { redis, connections, database } }: { data: Data }) {
  const facts: [string, string, string][] = [
    ['Connections', count(openOf(connections)), 'of this instance, besides BullMQ’s'],
    ['Redis', redis?.version ?? '–', redis?.mode ?? 'none'],
    ['Memory', redis?.usedMemory == null ? '–' : bytes(redis.usedMemory), 'used by Redis'],
    ['Clients', redis?.clients == null ? '–' : count(redis.clients), 'of Redis, all instances'],
    ['Database', count(database.queries), `queries of requests, ${count(database.background)} others`],
  ];
  return (
    <dl className="totals">
      {facts.map(([name, value, note]) => (
        <div key={name} className="total">
          <dt>{name}</dt>
          <dd>
            {value}
            <small>{note}</small>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Tiers({ figures }: { figures: Data['tiers'] }) {
  return (
    <Panel title="Hit rates" note="of this instance since its start, against the targets">
      {figures.length === 0 ? (
        <Empty icon="pulse" title="No reads yet" />
      ) : (
        <table className="data tight" aria-label="Hit rates by tier">
          <thead>
            <tr>
              <th scope="col">Tier</th>
              <th scope="col" className="meter-column">
                Hit rate
              </th>
              <th scope="col" className="number">
                Target
              </th>
              <th scope="col" className="number">
                Reads
              </th>
            </tr>
          </thead>
          <tbody>
            {figures.map((tier) => (
              <TierRow key={tier.name} tier={tier} />
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

/** Tiers that the server reads from the database each time. */
const isDirect = (name: string): boolean => Object.values(tiers).some((tier) => tier.name === name && tier.direct === true);

function TierRow({ tier: { name, reads, hitRate, target, meets } }: { tier: Data['tiers'][number] }) {
  return (
    <tr>
      <th scope="row">{words(name)}</th>
      <td>
        {isDirect(name) ? (
          <span className="muted">Never cached</span>
        ) : hitRate === null || reads === 0 ? (
          <span className="muted">No reads</span>
        ) : (
          <span className="meter-row">
            <Meter value={hitRate} target={target} label={`Hit rate of ${words(name)}`} />
            <b>{percent(hitRate)}</b>
          </span>
        )}
      </td>
      <td className="number">
        {target === null ? '–' : percent(target)}
        {target !== null && reads > 0 && <small className={meets ? 'good' : 'bad'}>{meets ? 'met' : 'missed'}</small>}
      </td>
      <td className="number">{count(reads)}</td>
    </tr>
  );
}

function Connections({ connections }: { connections: Data['connections'] }) {
  return (
    <Panel title="Connections" note={`${openOf(connections)} open to Redis`}>
      {connections.length === 0 ? (
        <Empty icon="pulse" title="No connections">Everything is in the process.</Empty>
      ) : (
        <ul className="connections" aria-label="Connections to Redis">
          {connections.map(({ name, library, state }, i) => (
            <li key={`${name}-${i}`}>
              <i className={`dot ${conditionOf(state)}`} aria-hidden="true" />
              <span className="code">{name}</span>
              <span className={`chip ${library === 'hawser' ? 'own' : ''}`}>{library}</span>
              <small>{conditionOf(state) === 'unused' ? 'not needed yet' : state}</small>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Queues({ queues }: { queues: Data['queues'] }) {
  return (
    <Panel title="Queues" note="of all instances" className="flush wide">
      {queues.length === 0 ? (
        <Empty icon="pulse" title="The queues do not answer">Redis is away. Jobs wait in the database until it is back.</Empty>
      ) : (
        <div className="scroll" role="group" aria-label="Jobs by queue" tabIndex={0}>
          <table className="data tight" aria-label="Queues">
            <thead>
              <tr>
                <th scope="col">Queue</th>
                {['Waiting', 'Active', 'Completed', 'Failed'].map((name) => (
                  <th key={name} scope="col" className="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {queues.map((queue) => (
                <tr key={queue.name}>
                  <th scope="row">{queue.name}</th>
                  <td className="number">{count(queue.waiting)}</td>
                  <td className="number">{count(queue.active)}</td>
                  <td className="number">{count(queue.completed)}</td>
                  <td className={queue.failed > 0 ? 'number bad' : 'number'}>{count(queue.failed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
