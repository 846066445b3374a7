/** Set-up that undoes itself. Call these functions at the top of a file or of a `describe`, not in a test. */
import { Redis } from '../../lib';
import { RedisCluster, type ClusterServerOptions } from './redis-cluster';
import { RedisServer, type ServerOptions } from './redis-server';

/** A server for all tests of this file or `describe`. It runs from `beforeAll` to `afterAll`. */
export function serverForAll(options?: ServerOptions): RedisServer {
  const server = RedisServer.unstarted(options);
  beforeAll(() => server.begin());
  afterAll(() => server.stop());
  return server;
}

/** A cluster for all tests of this file or `describe`, like `serverForAll`. */
export function clusterForAll(options?: ClusterServerOptions): RedisCluster {
  const cluster = RedisCluster.unstarted(options);
  beforeAll(() => cluster.begin(), 60_000);
  afterAll(() => cluster.stop());
  return cluster;
}

/** What `endsWithTest` ends: a client of either library, a server, a proxy. */
type Ending = { stop(): unknown } | { status: string; disconnect(): void };

/** Returns a function that keeps what a test makes and ends it after the test, the latest first: `const proxy = ends(await Proxy.start(server))`. */
export function endsWithTest(): <T extends Ending>(made: T) => T {
  const kept: Ending[] = [];
  afterEach(async () => {
    for (const made of kept.splice(0).reverse()) {
      if ('stop' in made) await made.stop();
      else if (made.status !== 'end') made.disconnect();
    }
  });
  return (made) => {
    kept.push(made);
    return made;
  };
}

/**
 * Returns a function that makes clients which end with the test. It takes the arguments of `new Redis`; `defaults` come behind them. Errors of
 * these clients are not printed.
 */
export function clientsForTest(defaults: () => object = () => ({})): (...args: unknown[]) => Redis {
  const ends = endsWithTest();
  return (...args) => {
    const redis = new Redis(...([...args, defaults()] as unknown as []));
    redis.on('error', () => undefined);
    return ends(redis);
  };
}
