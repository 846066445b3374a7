/** Listeners run while the cluster opens and closes nodes. What they do, and what they throw, breaks nothing. */
import { Cluster } from '../../lib';
import * as clock from '../../lib/clock';
import { MockCluster } from '../compat/mock-cluster';
import { until } from '../helpers/until';

let cluster: MockCluster;
let uncaught: jest.SpyInstance;
beforeAll(() => {
  uncaught = jest.spyOn(clock, 'surface').mockImplementation(() => undefined);
});
afterAll(() => uncaught.mockRestore());
beforeEach(async () => {
  uncaught.mockClear();
  cluster = new MockCluster();
  for (let i = 0; i < 3; i++) await cluster.add();
  cluster.slots = [[0, 5460, 0], [5461, 10922, 1], [10923, 16383, 2]];
});
afterEach(() => cluster.stop());

const EVENTS = ['+node', 'refresh', 'ready', '-node', 'node error'] as const;
const open = (): number => cluster.nodes.reduce((sum, { server }) => sum + server.connections.filter(({ closed }) => !closed).length, 0);

/** Makes all events happen: a node is added, the slots of another one go, and a third one gives a wrong map. */
async function stir(client: Cluster): Promise<void> {
  await until(() => client.status === 'ready' || client.status === 'end');
  await Promise.allSettled(['foo', 'bar', 'c'].map((key) => client.get(key)));
  const added = await cluster.add();
  cluster.slots = [[0, 10922, 1], [10923, 16383, added.index]];
  await new Promise<void>((resolve) => client.refreshSlotsCache(() => resolve()));
  cluster.answer = ({ name, args: [word = ''] }) => (name === 'cluster' && word.toLowerCase() === 'slots' ? '+nonsense\r\n' : undefined);
  await new Promise<void>((resolve) => client.refreshSlotsCache(() => resolve()));
  cluster.answer = () => undefined;
}

test.each(EVENTS.filter((event) => event !== 'ready'))('a listener of %s that throws is uncaught, and commands go on', async (event) => {
  const client = new Cluster(cluster.startNodes());
  client.on('error', () => undefined);
  client.on(event, () => {
    throw new Error(`thrown by a listener of ${event}`);
  });
  try {
    await stir(client);
    expect(await Promise.all(['foo', 'bar', 'c'].map((key) => client.get(key)))).toEqual(['OK', 'OK', 'OK']);
    await until(() => uncaught.mock.calls.length > 0);
    expect(uncaught.mock.calls.every(([error]) => String(error).includes('thrown by a listener'))).toBe(true);
  } finally {
    client.disconnect();
    await until(() => client.status === 'end');
  }
});

describe.each(['disconnect', 'quit'] as const)('%s()', (close) => {
  test.each(EVENTS)('in a listener of %s ends the client, its connections and its commands', async (event) => {
    const client = new Cluster(cluster.startNodes());
    client.on('error', () => undefined);
    let isClosed = false;
    client.on(event, () => {
      if (isClosed) return;
      isClosed = true;
      void Promise.resolve(client[close]()).catch(() => undefined);
    });
    const first = client.set('first', '1').catch((error: Error) => error.message);
    await stir(client);
    await until(() => isClosed);
    await until(() => client.status === 'end');
    expect(await first).toEqual(expect.any(String));
    await until(() => open() === 0, { what: 'all connections to be closed' });
    await expect(client.get('foo')).rejects.toThrow('Connection is closed.');
    // It can be used again.
    client.removeAllListeners(event);
    cluster.answer = () => undefined;
    await client.connect();
    expect(await client.get('foo')).toBe('OK');
    client.disconnect();
    await until(() => client.status === 'end' && open() === 0);
  });
});
