/** What the metrics say about the nodes of a cluster. */
import { CacheMetrics, CacheRepository, RedisManager } from '../../lib/facade';
import { clusterForAll } from '../helpers/lifetimes';
import { samplesWith } from '../helpers/prometheus';
import { until } from '../helpers/until';

const nodes = clusterForAll({ masters: 3, replicas: 0, nodeTimeoutMs: 60_000 });
afterEach(() => RedisManager.closeAll());

test('the breaker of a silent master is open and those of the others are not; its event names it', async () => {
  RedisManager.configure({ cluster: { nodes: nodes.addresses } });
  const cache = new CacheRepository('sight');
  const said: string[] = [];
  cache.on('breaker', ({ message }) => void said.push(message));
  cache.on('warning', () => undefined);
  const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
  const read = (): Promise<unknown> => Promise.all(keys.map((key) => cache.getOrSet(key, () => 1)));
  const breakers = (): Record<string, number> =>
    Object.fromEntries(samplesWith(CacheMetrics.prometheus(), 'hawser_cache_breaker_open').map(({ labels, value }) => [labels.node, value]));
  await read();
  const addresses = nodes.masters.map(({ port }) => `127.0.0.1:${port}`);
  expect(breakers()).toEqual(Object.fromEntries(addresses.map((address) => [address, 0])));
  const [silent] = nodes.masters;
  silent.freeze();
  try {
    await until(async () => (await read(), breakers()[addresses[0]] === 1), { deadlineMs: 20_000 });
    expect(breakers()).toEqual({ [addresses[0]]: 1, [addresses[1]]: 0, [addresses[2]]: 0 });
  } finally {
    silent.thaw();
  }
  await until(async () => (await read(), breakers()[addresses[0]] === 0), { deadlineMs: 20_000 });
  expect(said[0]).toMatch(new RegExp(`^${addresses[0]}: open for \\d+ ms$`));
  expect(said.at(-1)).toBe(`${addresses[0]}: closed`);
});

test('the connections to all nodes are counted', async () => {
  RedisManager.configure({ cluster: { nodes: nodes.addresses } });
  const cache = new CacheRepository('sight');
  await Promise.all(Array.from({ length: 30 }, (_, i) => cache.set(`k${i}`, 1)));
  const ready = (role: string): number | undefined => samplesWith(CacheMetrics.prometheus(), 'hawser_connections', { role, state: 'ready' })[0]?.value;
  await until(() => ready('main') === 3);
  expect(ready('publisher')).toBeUndefined();
});
