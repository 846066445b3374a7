/** Where the manager takes a cluster's nodes and their options from. */
import { inspect } from 'node:util';
import { type Cluster, redisHealthCheck, RedisManager, type ManagerOptions } from '../../lib';
import { openClients } from '../../lib/manager/connections';
import { RedisCluster } from '../helpers/redis-cluster';

jest.setTimeout(60_000);

const env = process.env;
const logger = { debug() {}, info() {}, warn() {}, error() {} };

beforeEach(() => {
  process.env = { ...env };
  for (const name of ['REDIS_URL', 'REDIS_CLUSTER', 'REDIS_CLUSTER_NODES']) delete process.env[name];
});
afterEach(async () => {
  await RedisManager.closeAll();
  RedisManager.configure({});
  process.env = env;
});

/** Start nodes and options of the nodes' connections, of a client that does not connect. */
async function resolved(options: ManagerOptions): Promise<unknown> {
  RedisManager.configure({ logger, ...options, redis: { lazyConnect: true, ...options.redis } });
  const cluster = await RedisManager.getMainClient<Cluster>();
  expect(cluster.status).toBe('wait');
  const { host, port, username, password, tls, resend, maxRetriesPerRequest } = cluster.options.redisOptions as Record<string, unknown>;
  expect([host, port, resend, maxRetriesPerRequest]).toEqual([undefined, undefined, 'idempotent', 10]);
  return { nodes: cluster.startupNodes, ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }), ...(tls === undefined ? {} : { tls }) };
}

const [a, b] = [
  { host: 'a', port: 7000 },
  { host: 'b', port: 7001 },
];

describe('start nodes from the environment', () => {
  test.each<[string, NodeJS.ProcessEnv, unknown]>([
    ['host:port', { REDIS_CLUSTER_NODES: 'a:7000, b:7001' }, { nodes: [a, b] }],
    ['URLs, whose user holds for all', { REDIS_CLUSTER_NODES: 'redis://u%40s:p%2Cw@a:7000,b:7001' }, { nodes: [a, b], username: 'u@s', password: 'p,w' }],
    ['a URL with TLS behind one without', { REDIS_CLUSTER_NODES: 'a:7000,rediss://:s@b:7001/0' }, { nodes: [a, b], password: 's', tls: {} }],
    ['an IPv6 address and the usual port', { REDIS_CLUSTER_NODES: '[::1]:7000,redis://b' }, { nodes: [{ host: '::1', port: 7000 }, { host: 'b', port: 6379 }] }],
    ['REDIS_URL', { REDIS_URL: 'rediss://:s@a:7000' }, { nodes: [a], password: 's', tls: {} }],
    ['nothing', {}, { nodes: [{ host: 'localhost', port: 6379 }] }],
  ])('%s', async (_, variables, expected) => {
    Object.assign(process.env, { REDIS_CLUSTER: 'true' }, variables);
    expect(await resolved({})).toEqual(expected);
  });

  test('without REDIS_CLUSTER they are not used', async () => {
    Object.assign(process.env, { REDIS_CLUSTER_NODES: 'a:7000', REDIS_URL: 'memory://' });
    expect((await RedisManager.getMainClient()).isCluster).toBe(false);
  });
});

describe('options', () => {
  test.each<[string, ManagerOptions, unknown]>([
    ['addresses', { cluster: { nodes: [a, { host: 'b', port: 7001 }] } }, { nodes: [a, b] }],
    ['an address with a user', { cluster: { nodes: [{ ...a, username: 'u', password: 'p' }] } }, { nodes: [a], username: 'u', password: 'p' }],
    ['texts', { cluster: { nodes: ['a:7000', 'redis://:p@b:7001'] } }, { nodes: [a, b], password: 'p' }],
    ['options as of new Cluster', { cluster: { nodes: [a], redisOptions: { username: 'u', password: 'p' } }, redis: { password: 'other' } }, { nodes: [a], username: 'u', password: 'p' }],
    ['a URL', { url: 'redis://:p@a:7000', cluster: true }, { nodes: [a], password: 'p' }],
    ['the user of all connections', { cluster: { nodes: [a] }, redis: { username: 'u', password: 'p', tls: { ca: 'PEM' } } }, { nodes: [a], username: 'u', password: 'p', tls: { ca: 'PEM' } }],
  ])('%s', async (_, options, expected) => {
    Object.assign(process.env, { REDIS_CLUSTER: 'true', REDIS_CLUSTER_NODES: 'other:1' });
    expect(await resolved(options)).toEqual(expected);
  });

  test('cluster: false goes before REDIS_CLUSTER', async () => {
    Object.assign(process.env, { REDIS_CLUSTER: 'true' });
    RedisManager.configure({ logger, cluster: false, url: 'memory://' });
    expect((await RedisManager.getMainClient()).isCluster).toBe(false);
  });

  test('reach the client, and those of connections that a cluster has for all go to it', async () => {
    const natMap = { '10.0.0.1:1': a };
    RedisManager.configure({ logger, cluster: { nodes: [a], natMap, maxRedirections: 3, lazyConnect: true }, redis: { enableAutoPipelining: true, connectTimeout: 77 } });
    const { options } = await RedisManager.getMainClient<Cluster>();
    expect(options).toMatchObject({ natMap, maxRedirections: 3, enableAutoPipelining: true, enableReadyCheck: false, redisOptions: { connectTimeout: 77, connectionName: 'hawser:main' } });
  });

  test.each<[unknown, string]>([
    [{ cluster: 'yes' }, 'manager.cluster must be true, false or an object, got a string'],
    [{ cluster: { node: [] } }, 'manager.cluster.node is not an option; there are: nodes, redisOptions, clusterRetryStrategy'],
    [{ cluster: { nodes: [] } }, 'manager.cluster.nodes must be an array of at least one node'],
    [{ cluster: { nodes: [{ port: 1 }] } }, 'manager.cluster.nodes[0].host must be the name or the address of a host, got undefined'],
    [{ cluster: { nodes: [a, { host: 'b', port: 70_000 }] } }, 'manager.cluster.nodes[1].port must be a port, got 70000'],
    [{ cluster: { scaleReads: 'some' } }, "manager.cluster.scaleReads must be 'master', 'slave', 'all' or a function"],
    [{ cluster: { clusterRetryStrategy: 5 } }, 'manager.cluster.clusterRetryStrategy must be a function, got 5'],
    [{ cluster: { maxRedirections: -1 } }, 'manager.cluster.maxRedirections must be a number from 0, got -1'],
    [{ cluster: { redisOptions: { keyPrefix: 'x' } } }, 'manager.cluster.redisOptions.keyPrefix: keyPrefix is refused by the manager'],
    [{ cluster: { redisOptions: { sentinels: [{ host: 'a' }], name: 'g' } } }, 'manager.cluster.redisOptions.sentinels is part of the connection URL'],
    [{ cluster: { redisOptions: { db: 1 } } }, 'manager.cluster.redisOptions.db is part of the connection URL'],
    [{ cluster: { redisOptions: { resend: 'x' } } }, "manager.cluster.redisOptions.resend must be 'all'"],
    [{ cluster: { redisOptions: 5 } }, 'manager.cluster.redisOptions must be an object, got 5'],
    [{ cluster: { keyPrefix: 'x' } }, 'manager.cluster.keyPrefix: keyPrefix is refused by the manager'],
    [{ cluster: { nodes: [a] }, redis: { db: 1 } }, 'manager.redis.db is part of the connection URL'],
  ])('refuses %p', (options, message) => {
    const configure = (): void => RedisManager.configure(options as ManagerOptions);
    expect(configure).toThrow(message);
    expect(configure).toThrow(expect.objectContaining({ code: 'E_BAD_OPTION' }));
  });
});

test.each<[string, NodeJS.ProcessEnv, ManagerOptions, string]>([
  ['a database', { REDIS_URL: 'redis://:hunter2@a/3' }, {}, 'REDIS_URL: a cluster has database 0 only'],
  ['a database in the query', { REDIS_CLUSTER_NODES: 'redis://:hunter2@a?db=2' }, {}, 'REDIS_CLUSTER_NODES: a cluster has database 0 only'],
  ['a host without a port', { REDIS_CLUSTER_NODES: 'hunter2' }, {}, 'the environment variable REDIS_CLUSTER_NODES must be host:port,... or redis:// URLs'],
  ['an empty entry', { REDIS_CLUSTER_NODES: 'a:1,' }, {}, 'the environment variable REDIS_CLUSTER_NODES must be'],
  ['two passwords', { REDIS_CLUSTER_NODES: 'redis://:hunter2@a,redis://:hunter3@b' }, {}, 'REDIS_CLUSTER_NODES: the nodes of a cluster have one user and one password'],
  ['a unix socket', { REDIS_URL: 'unix:///run/redis.sock' }, {}, 'REDIS_URL: a node of a cluster is host:port, or a redis:// or rediss:// URL'],
  ['memory', { REDIS_URL: 'memory://' }, {}, 'REDIS_URL: a node of a cluster is'],
  ['Sentinel', { REDIS_URL: 'redis+sentinel://a:1/g' }, {}, 'REDIS_URL: a node of a cluster is'],
  ['a prefix', { REDIS_CLUSTER_NODES: 'redis://a?keyPrefix=x' }, {}, 'REDIS_CLUSTER_NODES: keyPrefix is refused by the manager'],
  ['a text without a port', {}, { cluster: { nodes: ['a'] } }, 'manager.cluster.nodes: a node of a cluster is host:port or a URL'],
  ['nodes and a URL', {}, { cluster: { nodes: ['a:1'] }, url: 'redis://b' }, 'manager.url and manager.cluster.nodes both say where the server is'],
  ['a cluster and Sentinels', {}, { cluster: true, redis: { sentinels: [{ host: 's' }], name: 'g' } }, 'manager.cluster and manager.redis.sentinels both say where the server is'],
])('%s is an error at first use, and nothing is opened', async (_, variables, options, message) => {
  Object.assign(process.env, { REDIS_CLUSTER: '1' }, variables);
  RedisManager.configure({ logger, ...options });
  for (const use of [() => RedisManager.getMainClient(), () => redisHealthCheck(), async () => RedisManager.getBullMQConnection(), () => RedisManager.withConnection(() => 1)]) {
    const error = (await use().then(() => undefined, (thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: 'E_BAD_OPTION', message: expect.stringContaining(message) as string });
    expect(error.message).not.toContain('hunter2');
  }
  expect(await RedisManager.healthCheck()).toBe(false);
  expect(openClients().size).toBe(0);
});

test('user, password and TLS of one URL serve all nodes of a real cluster', async () => {
  const servers = await RedisCluster.start({ masters: 2, replicas: 0, password: 's3cret/:', tls: true });
  try {
    const [first, second] = servers.nodes;
    Object.assign(process.env, { REDIS_CLUSTER: 'true', REDIS_CLUSTER_NODES: `rediss://:${encodeURIComponent('s3cret/:')}@${first.host}:${first.port},${second.host}:${second.port}` });
    const { tls } = servers.redisOptions;
    RedisManager.configure({ logger, redis: { tls } });
    const cluster = await RedisManager.getMainClient<Cluster>();
    const keys = await Promise.all(servers.masters.map((server) => servers.keyOn(server)));
    for (const key of keys) expect(await cluster.set(key, 1)).toBe('OK');
    expect(await redisHealthCheck()).toMatchObject({ healthy: true, mode: 'cluster' });
    const printed = [cluster, cluster.options, ...cluster.nodes()].map((value) => inspect(value, { depth: 20, showHidden: true }));
    expect([...printed, JSON.stringify(cluster.options)].filter((text) => text.includes('s3cret'))).toEqual([]);
    expect(cluster.options.redisOptions?.password).toBe('s3cret/:');
    expect(await RedisManager.getBullMQConnection<Cluster>().get(keys[1])).toBe('1');
  } finally {
    await RedisManager.closeAll();
    await servers.stop();
  }
});
