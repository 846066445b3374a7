/** Credentials and certificates from functions, for each node of a cluster. */
import { Cluster } from '../../lib';
import { clusterForAll } from '../helpers/lifetimes';
import { RedisCluster } from '../helpers/redis-cluster';
import type { RedisServer } from '../helpers/redis-server';

const clients: Cluster[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

function connect(servers: RedisCluster, redisOptions: object): { cluster: Cluster; errors: Error[] } {
  const errors: Error[] = [];
  const cluster = new Cluster(servers.nodes, { redisOptions });
  cluster.on('error', (error: Error) => errors.push(error));
  cluster.on('node error', (error: Error) => errors.push(error));
  clients.push(cluster);
  return { cluster, errors };
}

const keys = Array.from({ length: 30 }, (_, i) => `key:${i}`);
const increments = (cluster: Cluster): Promise<number[]> => Promise.all(keys.map((key) => cluster.incr(key)));

describe('with a password', () => {
  const servers = clusterForAll({ password: 'owner', replicas: 0 });
  let token = 'first';
  const allow = (server: RedisServer): Promise<unknown> => server.command('ACL', 'SETUSER', 'app', 'reset', 'on', `>${token}`, '~*', '&*', '+@all');
  const rotate = async (): Promise<void> => {
    token += '+';
    await Promise.all(servers.servers.map(allow));
  };
  beforeAll(async () => {
    await rotate();
  }, 60_000);

  test('every node has its own, renewed under load: no command is lost, doubled or failed', async () => {
    let asked = 0;
    const { cluster, errors } = connect(servers, {
      credentials: async () => {
        asked++;
        return { username: 'app', password: token, expiresInMs: 100 };
      },
    });
    for (let round = 1; asked < 30; round++) {
      expect(await increments(cluster)).toEqual(keys.map(() => round));
      if (round % 10 === 0) await rotate();
    }
    expect([await cluster.acl('WHOAMI'), errors]).toEqual(['app', []]);
  });

  test('a function that fails for a while is an error, and the cluster is reached afterwards', async () => {
    let asked = 0;
    const { cluster, errors } = connect(servers, {
      credentials: () => (asked++ < 4 ? Promise.reject(new Error('vault is sealed')) : Promise.resolve({ username: 'app', password: token })),
    });
    expect(await cluster.set('a', '1')).toBe('OK');
    expect(errors.map((error) => (error.cause as { code?: string } | undefined)?.code)).toContain('E_CREDENTIALS');
  });
});

test('certificates are asked for at each connection to a node', async () => {
  const servers = await RedisCluster.start({ tls: true, replicas: 0 });
  try {
    let asked = 0;
    const { cluster, errors } = connect(servers, {
      tls: async () => {
        asked++;
        return servers.redisOptions.tls;
      },
    });
    expect(await increments(cluster)).toEqual(keys.map(() => 1));
    expect(asked).toBeGreaterThanOrEqual(3);
    expect(errors).toEqual([]);
  } finally {
    await servers.stop();
  }
}, 60_000);
