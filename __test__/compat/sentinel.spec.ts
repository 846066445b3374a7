/** Sentinels that are down, disagree, need passwords, announce a switch, list replicas: the same lines on ioredis and on hawser. */
import { until } from '../helpers/until';
import { freePort } from '../helpers/redis-server';
import { MockSentinel, roleHandler, row } from './mock-sentinel';
import { MockServer, type Handler } from './mock-server';
import { outcome, peers } from './peers';

const NAME = 'group';

/** The event, whatever errors come before it. */
const once = (redis: any, event: string): Promise<void> => new Promise((resolve) => redis.once(event, () => resolve()));

describe.each(peers)('$name', ({ Redis }) => {
  const clients: any[] = [];
  const servers: MockServer[] = [];
  afterEach(async () => {
    for (const redis of clients.splice(0)) if (redis.status !== 'end') redis.disconnect();
    for (const server of servers.splice(0)) await server.stop();
  });

  const sentinel = async (master?: MockServer): Promise<MockSentinel> => {
    const made = await MockSentinel.start();
    made.master = master?.port;
    servers.push(made.server);
    return made;
  };
  const server = async (role: string, name = role, handler?: Handler): Promise<MockServer> => {
    const made = await MockServer.start(handler ?? roleHandler(role, name));
    servers.push(made);
    return made;
  };
  const dead = async (): Promise<{ host: string; port: number }> => ({ host: '127.0.0.1', port: await freePort() });

  /** A client, and what it has told: errors by their text. */
  const connect = (sentinels: { host?: string; port?: number }[], options: object = {}): any => {
    const redis: any = new Redis({ sentinels, name: NAME, retryStrategy: () => 5, sentinelRetryStrategy: () => 5, ...options });
    redis.told = [];
    const tell = (event: string) => (error: Error) => redis.told.push(`${event}: ${error.message.replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')}`);
    redis.on('error', tell('error'));
    redis.on('sentinelError', tell('sentinelError'));
    clients.push(redis);
    return redis;
  };

  test('finds the master, asks in the order of the list, and closes what it asked', async () => {
    const master = await server('master');
    const [first, second] = [await sentinel(master), await sentinel(master)];
    const redis = connect([first.address, second.address]);
    expect(await redis.get('a')).toBe('master');
    expect(first.questions).toEqual([`get-master-addr-by-name ${NAME}`, `sentinels ${NAME}`]);
    expect(second.server.connections).toHaveLength(0);
    await until(() => first.server.connections.every(({ closed }) => closed));
    expect([redis.options.host, redis.options.port, redis.options.role, redis.options.failoverDetector]).toEqual(['localhost', 6379, 'master', false]);
    expect(redis.told).toEqual([]);
  });

  test('goes past Sentinels that are down, refuse, or do not know the group', async () => {
    const master = await server('master');
    const [ignorant, refusing, good] = [await sentinel(), await sentinel(), await sentinel(master)];
    refusing.answer = () => new Error('ERR just rejected');
    const redis = connect([await dead(), ignorant.address, refusing.address, good.address]);
    expect(await redis.get('a')).toBe('master');
    expect(redis.told).toEqual([
      'sentinelError: failed to connect to sentinel ADDRESS because Connection is closed.',
      'sentinelError: connected to sentinel ADDRESS successfully, but got an invalid reply: null',
      'sentinelError: failed to connect to sentinel ADDRESS because ERR just rejected',
    ]);
  });

  test('a Sentinel that hangs costs sentinelCommandTimeout', async () => {
    const master = await server('master');
    const [hung, good] = [await sentinel(master), await sentinel(master)];
    hung.hangs = true;
    const redis = connect([hung.address, good.address], { sentinelCommandTimeout: 50 });
    expect(await redis.get('a')).toBe('master');
    expect(redis.told).toEqual(['sentinelError: failed to connect to sentinel ADDRESS because Command timed out']);
  });

  test('asks sentinelRetryStrategy when all were in vain, and tells', async () => {
    const master = await server('master');
    const late = await sentinel();
    late.answer = (asked) => (asked.startsWith('get') && late.questions.length < 4 ? new Error('ERR not yet') : undefined);
    late.master = master.port;
    const times: number[] = [];
    const redis = connect([late.address], { updateSentinels: false, sentinelRetryStrategy: (n: number) => times.push(n) && 7 });
    expect(await redis.get('a')).toBe('master');
    expect(times).toEqual([1, 2, 3]);
    const failure = 'sentinelError: failed to connect to sentinel ADDRESS because ERR not yet';
    const round = 'error: All sentinels are unreachable. Retrying from scratch after 7ms. Last error: ERR not yet';
    expect(redis.told).toEqual([failure, round, failure, round, failure, round]);
  });

  test.each([['null', null], ['a strategy without a number', () => null]])('gives up with %s: commands, connect() and an error tell why, and it may be connected again', async (_, sentinelRetryStrategy) => {
    const unreachable = await dead();
    const redis = connect([unreachable], { sentinelRetryStrategy, lazyConnect: true });
    const ended = once(redis, 'end');
    const command = outcome(redis.get('a'));
    const said = 'All sentinels are unreachable and retry is disabled. Last error: Connection is closed.';
    expect(await command).toMatchObject({ message: said });
    await ended;
    expect(redis.told).toEqual(['sentinelError: failed to connect to sentinel ADDRESS because Connection is closed.', `error: ${said}`]);
    expect(redis.status).toBe('end');
    expect(await outcome(redis.connect())).toMatchObject({ message: said });
  });

  test('refuses an empty list and a missing name', () => {
    expect(() => new Redis({ sentinels: [], name: NAME })).toThrow('Requires at least one sentinel to connect to.');
    expect(() => new Redis({ sentinels: [{ port: 1 }] })).toThrow('Requires the name of master.');
    expect(new Redis({ sentinels: null as never, lazyConnect: true }).options.sentinels).toBeNull();
  });

  test('authenticates to Sentinels with their own user and password, and to the server with its own', async () => {
    const master = await server('master');
    const guarded = await sentinel(master);
    const redis = connect([guarded.address], { sentinelUsername: 'watcher', sentinelPassword: 'ss', username: 'app', password: 'pp' });
    await redis.get('a');
    expect(guarded.server.texts(1)[0]).toBe('hello 3 AUTH watcher ss');
    expect(master.texts(1)[0]).toBe('hello 3 AUTH app pp');
  });

  test('a Sentinel that refuses the password is passed over', async () => {
    const master = await server('master');
    const [guarded, good] = [await sentinel(master), await sentinel(master)];
    guarded.server.handler = ({ name }) => (name === 'hello' ? '-WRONGPASS invalid username-password pair or user is disabled.\r\n' : '-NOAUTH Authentication required.\r\n');
    const redis = connect([guarded.address, good.address], { sentinelPassword: 'wrong' });
    expect(await redis.get('a')).toBe('master');
    expect(redis.told).toEqual(['sentinelError: failed to connect to sentinel ADDRESS because WRONGPASS invalid username-password pair or user is disabled.']);
  });

  test('learns other Sentinels from those that answer, unless they are disconnected or updateSentinels is off', async () => {
    for (const updateSentinels of [true, false]) {
      const master = await server('master');
      const [known, other] = [await sentinel(master), await sentinel(master)];
      known.others = [row(known.server.port, 'sentinel'), row(other.server.port, 'sentinel'), row(1, 'sentinel,disconnected')];
      const redis = connect([known.address], { updateSentinels, ...(updateSentinels ? {} : { sentinelRetryStrategy: null }) });
      expect(await redis.get('a')).toBe('master');
      known.answer = () => new Error('ERR gone');
      const again = once(redis, updateSentinels ? 'ready' : 'end');
      master.connections[0]?.reset();
      await again;
      expect(other.questions.length > 0).toBe(updateSentinels);
    }
  });

  test('a server that says it has another role is left, and the next Sentinel is asked', async () => {
    const [master, demoted] = [await server('master'), await server('slave')];
    const [stale, good] = [await sentinel(demoted), await sentinel(master)];
    const redis = connect([stale.address, good.address]);
    expect(await redis.get('a')).toBe('master');
    expect(demoted.received.some(({ name }) => name === 'get')).toBe(false);
  });

  test('an address at which nobody answers is left, and the next Sentinel is asked', async () => {
    const master = await server('master');
    const [stale, good] = [await sentinel(), await sentinel(master)];
    stale.master = (await dead()).port;
    const redis = connect([stale.address, good.address]);
    expect(await redis.get('a')).toBe('master');
    expect(redis.told).toEqual(['error: connect ECONNREFUSED ADDRESS']);
  });

  test('a new master is found when the old one goes, without any command being lost', async () => {
    const [master, next] = [await server('master', 'old'), await server('master', 'new')];
    const only = await sentinel(master);
    const redis = connect([only.address]);
    expect(await redis.get('a')).toBe('old');
    only.master = next.port;
    const reads = ['a', 'b', 'c'].map((key) => redis.get(key));
    master.handler = () => null;
    await until(() => master.received.filter(({ name }) => name === 'get').length === 4);
    master.connections[0]?.reset();
    expect(await Promise.all(reads)).toEqual(['new', 'new', 'new']);
  });

  describe('replicas', () => {
    const list = async (flags: string[], options: object): Promise<string> => {
      const replicas = await Promise.all(flags.map((_, index) => server('slave', String(index))));
      const only = await sentinel();
      only.replicas = replicas.map(({ port }, index) => row(port, flags[index] ?? ''));
      const ports = replicas.map(({ port }) => String(port));
      const prefer = (options as any).prefer?.(ports);
      const redis = connect([only.address], { role: 'slave', ...(prefer === undefined ? {} : { preferredSlaves: prefer }) });
      const got = await redis.get('a');
      expect(only.questions.every((text) => text === `slaves ${NAME}`)).toBe(true);
      return got;
    };

    test('those that are down are left out', async () => {
      expect(await list(['slave,s_down', 'slave,o_down', 'slave', 'slave,disconnected'], {})).toBe('2');
    });

    test('an object, or an array by priority, names the preferred one', async () => {
      const ip = '127.0.0.1';
      expect(await list(['slave', 'slave', 'slave'], { prefer: (ports: string[]) => ({ ip, port: ports[1] }) })).toBe('1');
      expect(await list(['slave', 'slave', 'slave'], { prefer: (ports: string[]) => [{ ip, port: ports[0], prio: 2 }, { ip, port: ports[2] }, { ip, port: '1', prio: 0 }] })).toBe('2');
      expect(await list(['slave', 'slave,s_down'], { prefer: (ports: string[]) => ({ ip, port: ports[1] }) })).toBe('0');
      expect(await list(['slave', 'slave'], { prefer: (ports: string[]) => [{ ip, port: ports[0] }, { ip, port: ports[1], prio: 0 }] })).toBe('1');
    });

    test('a function chooses among those that are usable, with all their fields', async () => {
      const seen: unknown[] = [];
      const prefer = (ports: string[]) => (usable: { ip: string; port: string; flags: string }[]) => {
        seen.push(usable);
        return usable.find(({ port }) => port === ports[2]) ?? null;
      };
      expect(await list(['slave', 'slave,s_down', 'slave'], { prefer })).toBe('2');
      expect(seen).toEqual([[expect.objectContaining({ ip: '127.0.0.1', flags: 'slave' }), expect.objectContaining({ flags: 'slave' })]]);
      expect(['0', '1']).toContain(await list(['slave', 'slave'], { prefer: () => () => null }));
    });

    test('without a usable one the next Sentinel is asked', async () => {
      const replica = await server('slave');
      const [none, good] = [await sentinel(), await sentinel()];
      none.replicas = [row(replica.port, 'slave,s_down')];
      good.replicas = [row(replica.port, 'slave')];
      const redis = connect([none.address, good.address], { role: 'slave' });
      expect(await redis.get('a')).toBe('slave');
      expect(redis.told).toEqual(['sentinelError: connected to sentinel ADDRESS successfully, but got an invalid reply: null']);
    });

    test('a replica that has become a master is left', async () => {
      const [promoted, replica] = [await server('master', 'promoted'), await server('slave', 'replica')];
      const [stale, good] = [await sentinel(), await sentinel()];
      stale.replicas = [row(promoted.port, 'slave')];
      good.replicas = [row(replica.port, 'slave')];
      const redis = connect([stale.address, good.address], { role: 'slave' });
      expect(await redis.get('a')).toBe('replica');
    });
  });

  describe('natMap', () => {
    const forms = [
      ['an object', (map: Record<string, object>) => map],
      ['a function', (map: Record<string, object>) => (key: string) => map[key] ?? null],
    ] as const;

    test.each(forms)('as %s says where an announced address is reached', async (_, form) => {
      const master = await server('master');
      const other = await sentinel(master);
      const only = await sentinel();
      only.answer = (asked) => (asked.startsWith('get') ? ['10.255.255.1', '6379'] : [['ip', '10.255.255.2', 'port', '26379', 'flags', 'sentinel']]);
      const natMap = form({ '10.255.255.1:6379': { host: '127.0.0.1', port: master.port }, '10.255.255.2:26379': other.address });
      const redis = connect([only.address], { natMap });
      expect(await redis.get('a')).toBe('master');
      only.answer = () => null;
      other.master = master.port;
      master.connections[0]?.reset();
      await until(() => other.questions.length > 0);
      expect(await redis.get('a')).toBe('master');
    });

    test('leaves other addresses as they are', async () => {
      const master = await server('master');
      const only = await sentinel(master);
      const redis = connect([only.address], { natMap: { '127.0.0.1:1': { host: 'nowhere', port: 1 } } });
      expect(await redis.get('a')).toBe('master');
    });
  });

  describe.each([2, 3] as const)('failoverDetector, RESP%d', (protocol) => {
    test('follows an announcement, from whichever Sentinel it comes', async () => {
      const [master, next] = [await server('master', 'old'), await server('master', 'new')];
      const [first, second] = [await sentinel(master), await sentinel(master)];
      const redis = connect([first.address, second.address], { failoverDetector: true, protocol });
      await Promise.all([once(redis, 'ready'), once(redis, 'failoverSubscribed')]);
      expect([first.listening, second.listening]).toEqual([1, 1]);
      first.master = second.master = next.port;
      const [closed, again] = [once(redis, 'close'), once(redis, 'failoverSubscribed')];
      second.announce(`${NAME} 127.0.0.1 ${master.port} 127.0.0.1 ${next.port}`);
      await Promise.all([closed, again]);
      expect(await redis.get('a')).toBe('new');
    });

    test('listens to sentinelMaxConnections Sentinels', async () => {
      const master = await server('master');
      const all = [await sentinel(master), await sentinel(master), await sentinel(master)];
      const redis = connect(all.map(({ address }) => address), { failoverDetector: true, sentinelMaxConnections: 2, protocol });
      await once(redis, 'failoverSubscribed');
      expect(all.map(({ listening }) => listening)).toEqual([1, 1, 0]);
    });

    test('bears Sentinels that refuse, and listens again to one that comes back', async () => {
      const [master, next] = [await server('master', 'old'), await server('master', 'new')];
      const [first, refusing] = [await sentinel(master), await sentinel(master)];
      const usual = refusing.server.handler;
      refusing.server.handler = (command, connection) => (command.name === 'subscribe' ? 'A\r\n' : usual(command, connection));
      // ioredis prints the error, and goes on when its client is closed.
      const print = jest.spyOn(console, 'error').mockImplementation(() => undefined);
      const sentinelReconnectStrategy = (times: number): number | null => (times < 20 ? 5 : null);
      const redis = connect([first.address, refusing.address], { failoverDetector: true, sentinelReconnectStrategy, protocol });
      await once(redis, 'failoverSubscribed');
      const reconnecting = once(redis, 'sentinelReconnecting');
      for (const connection of first.server.connections) if (!connection.closed) connection.reset();
      await reconnecting;
      await until(() => first.listening === 1);
      first.master = next.port;
      first.announce(`${NAME} 127.0.0.1 ${master.port} 127.0.0.1 ${next.port}`);
      await until(async () => (await redis.get('a')) === 'new');
      print.mockRestore();
    });

    test('closes its connections to Sentinels when the client is closed', async () => {
      const master = await server('master');
      const only = await sentinel(master);
      const redis = connect([only.address], { failoverDetector: true, protocol });
      await once(redis, 'failoverSubscribed');
      redis.disconnect();
      await once(redis, 'end');
      await until(() => only.server.connections.every(({ closed }) => closed));
    });
  });

  test('disconnect() during the search ends it', async () => {
    const hung = await sentinel();
    hung.hangs = true;
    const redis = connect([hung.address], { sentinelCommandTimeout: 100 });
    const command = outcome(redis.get('a'));
    await until(() => hung.server.received.length > 0);
    redis.disconnect();
    await once(redis, 'end');
    expect(await command).toEqual({ error: 'Error', message: 'Connection is closed.' });
    expect(redis.status).toBe('end');
  });

  test('duplicate() makes a client of the same group', async () => {
    const master = await server('master');
    const only = await sentinel(master);
    const redis = connect([only.address], { lazyConnect: true });
    const twin = redis.duplicate();
    clients.push(twin);
    expect(await twin.get('a')).toBe('master');
    expect(twin.options.name).toBe(NAME);
  });
});
