/** HIMPORT on a cluster, as in ioredis: what goes to which masters, and who prepares the configured fieldsets. */
import { until } from '../helpers/until';
import { clusterSession, type MockCluster } from './mock-cluster';
import { peers } from './peers';
import { result } from './session';

describe.each(peers)('$name: HIMPORT on a cluster', ({ Redis }) => {
  const { serve, ready } = clusterSession(Redis);
  const options = { enableReadyCheck: false, redisOptions: { protocol: 2, enableReadyCheck: false } };
  const himportFieldsets = [{ name: 'set', fields: ['a', 'b'] }];
  /** `bar` is on node 0, `foo` on node 1, node 2 is a replica of node 0. */
  const halves = (answer?: MockCluster['answer']): Promise<MockCluster> => serve({ slots: [[0, 8191, 0, 2], [8192, 16383, 1]], ...(answer ? { answer } : {}) });
  const imports = (cluster: MockCluster, index?: number): string[] =>
    cluster.commands().filter((line) => / (himport|asking)/.test(line) && (index === undefined || line.startsWith(String(index)))).map((line) => line.split(' ').slice(0, 3).join(' '));

  test('goes to all masters when it changes fieldsets, and the first reply counts', async () => {
    const cluster = await halves(({ name, args }, node) => (name === 'himport' && args[0] === 'DISCARD' ? `:${node.index}\r\n` : undefined));
    const client = await ready(cluster.startNodes(0), options);
    expect(await client.himport('PREPARE', 'set', 'a', 'b')).toBe('OK');
    expect(await client.himport('DISCARD', 'set')).toBe(0);
    expect(imports(cluster).sort()).toEqual(['0 himport DISCARD', '0 himport PREPARE', '1 himport DISCARD', '1 himport PREPARE']);
  });

  test('rejects when one master refuses', async () => {
    const cluster = await halves(({ name }, node) => (name === 'himport' && node.index === 1 ? '-ERR prepare failed\r\n' : undefined));
    const client = await ready(cluster.startNodes(0), options);
    expect(await result(client.himport('PREPARE', 'set', 'a'))).toBe('ReplyError: ERR prepare failed');
  });

  test('is prepared on each master that is connected, and not on replicas', async () => {
    const cluster = await halves();
    const client = await ready(cluster.startNodes(0), { ...options, himportFieldsets });
    await client.set('foo', '1');
    await client.set('bar', '1');
    expect(await client.himport('SET', 'foo', 'set', '1', '2')).toBe('OK');
    expect(imports(cluster).sort()).toEqual(['0 himport PREPARE', '1 himport PREPARE', '1 himport SET']);
  });

  test('is prepared before ASKING', async () => {
    const cluster: MockCluster = await halves(({ name, args }, node) => (name === 'himport' && args[0] === 'SET' && node.index === 0 ? cluster.ask('bar', 1) : undefined));
    const client = await ready(cluster.startNodes(0), { ...options, himportFieldsets });
    expect(await client.himport('SET', 'bar', 'set', '1', '2')).toBe('OK');
    expect(imports(cluster, 1)).toEqual(['1 himport PREPARE', '1 asking', '1 himport SET']);
  });

  test('is prepared on a replica that becomes a master', async () => {
    const cluster = await halves();
    const client = await ready(cluster.startNodes(0), { ...options, himportFieldsets });
    await client.set('bar', '1');
    cluster.slots = [[0, 8191, 2, 0], [8192, 16383, 1]];
    await new Promise<void>((resolve) => client.refreshSlotsCache(() => resolve()));
    await until(() => imports(cluster, 2).length === 1);
    expect(await client.himport('SET', 'bar', 'set', '1', '2')).toBe('OK');
    expect(imports(cluster, 2)).toEqual(['2 himport PREPARE', '2 himport SET']);
  });

  test('stays on one node in a pipeline', async () => {
    const cluster = await halves();
    const client = await ready(cluster.startNodes(0), options);
    expect(await client.pipeline().himport('PREPARE', 'set', 'a').himport('SET', 'foo', 'set', '1').himport('DISCARD', 'set').exec()).toEqual([[null, 'OK'], [null, 'OK'], [null, 'OK']]);
    expect(imports(cluster)).toEqual(['1 himport PREPARE', '1 himport SET', '1 himport DISCARD']);
  });
});
