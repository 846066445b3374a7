/** What runs behind the page: this instance's connections, hit rates against their targets, queues; all instances and the rollout. */
import { useOperations } from '../api/queries';
import type { Operations as Data } from '../api/types';
import { Meter } from '../charts/meter';
import { bytes, count, duration, percent, words } from '../ui/format';
import { PageHead, Panel } from '../ui/parts';
import { Empty, Loaded } from '../ui/states';
import { Rollout } from './rollout';

export function Operations() {
  const query = useOperations();
  return (
    <>
      <PageHead
        title="Operations"
        note={query.data === undefined ? undefined : `Instance ${query.data.instance}, up for ${duration(query.data.uptime)}${query.data.memory === true ? ' · without Redis: cache, limits and queues are in the process' : ''}`}
      />
      <Loaded query={query} lines={12}>
        {(data) => (
          <div className="operations">
            <Server data={data} />
            <Rollout services={data.flags} />
            <Tiers tiers={data.tiers} />
            <Connections connections={data.connections} />
            <Queues queues={data.queues} />
          </div>
        )}
      </Loaded>
    </>
  );
}

function Server({ data: { redis, connections, database } }: { data: Data }) {
  const facts: [string, string, string][] = [
    ['Connections', count(connections.length), 'of this instance to Redis'],
    ['Redis', redis?.version ?? '–', redis?.mode ?? 'none'],
    ['Memory', redis?.usedMemory == null ? '–' : bytes(redis.usedMemory), 'used by Redis'],
    ['Clients', redis?.clients == null ? '–' : count(redis.clients), 'of the whole server'],
    ['Database', count(database.queries), 'queries since the start'],
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

function Tiers({ tiers }: { tiers: Data['tiers'] }) {
  return (
    <Panel title="Hit rates" note="of this instance, against the targets">
      {tiers.length === 0 ? (
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
            {tiers.map(({ name, reads, hitRate, target, meets }) => (
              <tr key={name}>
                <th scope="row">{words(name)}</th>
                <td>
                  {hitRate === null || reads === 0 ? (
                    <span className="muted">no reads</span>
                  ) : (
                    <span className="meter-row">
                      <Meter value={hitRate} target={target} label={`Hit rate of ${name}`} />
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
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Connections({ connections }: { connections: Data['connections'] }) {
  return (
    <Panel title="Connections" note={`${connections.length} to Redis`}>
      {connections.length === 0 ? (
        <Empty icon="pulse" title="No connections">Everything is in the process.</Empty>
      ) : (
        <ul className="connections">
          {connections.map(({ name, library, state }, i) => (
            <li key={`${name}-${i}`}>
              <i className={`dot ${state === 'ready' || state === 'connected' ? 'on' : 'off'}`} aria-hidden="true" />
              <span className="code">{name}</span>
              <span className={`chip ${library === 'hawser' ? 'own' : ''}`}>{library}</span>
              <small>{state}</small>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Queues({ queues }: { queues: Data['queues'] }) {
  return (
    <Panel title="Queues" note={`${queues.length} of them`} className="flush">
      <div className="scroll">
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
    </Panel>
  );
}
