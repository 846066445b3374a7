/**
 * `himportFieldsets`: what is sent when, and what becomes of HIMPORT SET, as in ioredis. HIMPORT needs Redis 8.10, so a mock server stands
 * in: it keeps the fieldsets of each connection.
 */
import { until } from '../helpers/until';
import { LIFE } from '../../lib/command/command_defaults';
import { checkedFieldsets } from '../../lib/command/fieldsets';
import { bulk, type Handler, type MockServer, type Received } from './mock-server';
import { peers } from './peers';
import { events, readyOn, result, session, settled } from './session';

const DUPLICATE = '-ERR duplicate field name in fieldset\r\n';
const MISSING = 'ReplyError: ERR no such fieldset';

/** HIMPORT as Redis does it. `lose` makes the server forget the fieldsets of a connection. */
class Fields {
  private readonly sets = new Map<number, Set<string>>();

  lose(connection = 1): void {
    this.sets.get(connection)?.clear();
  }

  readonly handler: Handler = ({ name, args: [action = '', first = '', second = '', ...rest], connection }) => {
    const sets = this.sets.get(connection) ?? new Set();
    this.sets.set(connection, sets);
    if (name.toLowerCase() === 'reset') sets.clear();
    if (name.toLowerCase() !== 'himport') return undefined;
    switch (action.toUpperCase()) {
      case 'PREPARE':
        if (new Set([second, ...rest]).size !== rest.length + 1) return DUPLICATE;
        sets.add(first);
        return '+OK\r\n';
      case 'DISCARD':
        return `:${Number(sets.delete(first))}\r\n`;
      default:
        return sets.has(second) ? '+OK\r\n' : '-ERR no such fieldset\r\n';
    }
  };
}

/** What a connection has received of HIMPORT and of whatever else is not the handshake. */
const wire = (server: MockServer, connection = 1): string[] =>
  server.texts(connection).filter((text) => !/^(hello|auth|client|select|info|ping)\b/i.test(text));

const user = { name: 'user', fields: ['name', 'age'] };
const order = { name: 'order', fields: ['id'] };
const himportFieldsets = [user, order];
const PREPARED = ['himport PREPARE user name age', 'himport PREPARE order id'];

describe.each(peers)('$name', ({ name: peer, Redis }) => {
  const { serve, connect, ready } = session(Redis);
  /** Answers HIMPORT as Redis, unless `special` does. */
  const start = async (special: Handler = () => undefined): Promise<{ server: MockServer; fields: Fields }> => {
    const fields = new Fields();
    const server = await serve((command, connection) => {
      const answer = special(command, connection);
      return answer === undefined ? fields.handler(command, connection) : answer;
    });
    return { server, fields };
  };
  const isPrepare = ({ name, args }: Received): boolean => name === 'himport' && args[0] === 'PREPARE';

  describe('the handshake', () => {
    test.each([2, 3])('prepares all fieldsets of every connection (RESP%i)', async (protocol) => {
      const { server } = await start();
      const redis = await ready(server, { himportFieldsets, protocol, connectionName: 'me' });
      expect(await redis.himport('SET', 'k', 'user', 'Ada', 37)).toBe('OK');
      const names = server.texts(1).map((text) => text.split(' ').slice(0, 2).join(' '));
      expect(names.slice(protocol === 3 ? 1 : 0)).toEqual(['client setname', 'client SETINFO', 'client SETINFO', 'himport PREPARE', 'himport PREPARE', 'info', 'himport SET']);
      server.connections[0]?.reset();
      await readyOn(redis, server, 2);
      expect(await redis.himport('SET', 'k', 'order', 1)).toBe('OK');
      expect(wire(server, 2)).toEqual([...PREPARED, 'himport SET k order 1']);
    });

    test('comes before commands that wait', async () => {
      const { server } = await start();
      const redis = connect(server, { himportFieldsets, lazyConnect: true });
      expect(await Promise.all([redis.set('a', 1), redis.himport('SET', 'k', 'user', 'Ada', 37), redis.multi().himport('SET', 'k', 'other', 1).exec()])).toBeTruthy();
      expect(wire(server).slice(0, 4)).toEqual([...PREPARED, 'set a 1', 'himport SET k user Ada 37']);
    });

    test('a server that has no RESP3 prepares them all the same', async () => {
      const { server } = await start(({ name }) => (name === 'hello' ? "-ERR unknown command 'hello'\r\n" : undefined));
      const redis = await ready(server, { himportFieldsets });
      expect(await redis.himport('SET', 'k', 'user', 'Ada', 37)).toBe('OK');
      expect(wire(server)).toEqual([...PREPARED, 'himport SET k user Ada 37']);
    });

    test('an error is an event, and the connection becomes ready', async () => {
      const { server } = await start();
      const redis = connect(server, { himportFieldsets: [{ name: 'twice', fields: ['a', 'a'] }, user] });
      const seen = events(redis);
      const errors: any[] = [];
      redis.on('error', (error: unknown) => errors.push(error));
      await until(() => redis.status === 'ready');
      await redis.ping();
      expect(seen).toEqual(['connecting/connecting', 'connect/connect', 'error ERR duplicate field name in fieldset', 'ready/ready']);
      expect(errors[0]).toMatchObject({ name: 'ReplyError', command: { name: 'himport', args: ['PREPARE', 'twice', 'a', 'a'] } });
      // Each use tries again, and gets the error of the try.
      expect(await result(redis.himport('SET', 'k', 'twice', 1, 2))).toBe('ReplyError: ERR duplicate field name in fieldset');
      expect(await result(redis.himport('SET', 'k', 'user', 1, 2))).toBe('OK');
      expect(wire(server).slice(2)).toEqual(['himport PREPARE twice a a', 'himport SET k user 1 2']);
    });
  });

  describe('a SET', () => {
    test('waits for a fieldset that is missing, and others do not wait for it', async () => {
      let refusals = 1;
      const { server } = await start((command) => (isPrepare(command) && command.args[1] === 'user' && refusals-- > 0 ? DUPLICATE : undefined));
      const redis = await ready(server, { himportFieldsets });
      const all = [redis.himport('SET', 'k1', 'user', 1, 2), redis.set('a', 1), redis.himport('SET', 'k2', 'user', 3, 4), redis.himport('SET', 'k3', 'order', 5)];
      expect(await Promise.all(all)).toEqual(['OK', 'OK', 'OK', 'OK']);
      expect(wire(server).slice(2)).toEqual(['himport PREPARE user name age', 'set a 1', 'himport SET k3 order 5', 'himport SET k1 user 1 2', 'himport SET k2 user 3 4']);
    });

    test('is sent again once if the server has lost the fieldset', async () => {
      const { server, fields } = await start();
      const redis = await ready(server, { himportFieldsets });
      fields.lose();
      expect(await Promise.all([redis.himport('SET', 'k1', 'user', 1, 2), redis.himport('SET', 'k2', 'user', 3, 4)])).toEqual(['OK', 'OK']);
      expect(wire(server).slice(2)).toEqual(['himport SET k1 user 1 2', 'himport SET k2 user 3 4', 'himport PREPARE user name age', 'himport SET k1 user 1 2', 'himport SET k2 user 3 4']);
      expect(await redis.himportBuffer('DISCARD', 'user')).toBe(1);
      expect(await redis.himportBuffer('SET', 'k1', 'user', 1, 2)).toEqual(Buffer.from('OK'));
    });

    test('fails if that does not help', async () => {
      const { server } = await start(({ name, args }) => (name === 'himport' && args[0] === 'SET' ? '-ERR No such fieldset\r\n' : undefined));
      const redis = await ready(server, { himportFieldsets });
      expect(await result(redis.himport('SET', 'k', 'user', 1, 2))).toBe('ReplyError: ERR No such fieldset');
      expect(wire(server).slice(2)).toEqual(['himport SET k user 1 2', 'himport PREPARE user name age', 'himport SET k user 1 2']);
    });

    test('fails with the error of the preparation', async () => {
      let prepares = 0;
      const { server, fields } = await start((command) => (isPrepare(command) && ++prepares > 2 ? '-NOPERM no\r\n' : undefined));
      const redis = await ready(server, { himportFieldsets });
      fields.lose();
      expect(await result(redis.himport('SET', 'k', 'user', 1, 2))).toBe('ReplyError: NOPERM no');
    });

    test('its other errors are its own', async () => {
      const { server } = await start(({ name, args }) => (name === 'himport' && args[0] === 'SET' ? '-WRONGTYPE no\r\n' : undefined));
      const redis = await ready(server, { himportFieldsets });
      expect(await result(redis.himport('SET', 'k', 'user', 1, 2))).toBe('ReplyError: WRONGTYPE no');
      expect(wire(server).slice(2)).toEqual(['himport SET k user 1 2']);
    });

    test('of another fieldset is not managed', async () => {
      const { server } = await start();
      const redis = await ready(server, { himportFieldsets });
      expect(await result(redis.himport('SET', 'k', 'other', 1))).toBe(MISSING);
      expect(await result(redis.himport('PREPARE', 'other', 'f'))).toBe('OK');
      expect(await result(redis.himport('SET', 'k', 'other', 1))).toBe('OK');
      expect(wire(server).slice(2)).toEqual(['himport SET k other 1', 'himport PREPARE other f', 'himport SET k other 1']);
    });

    test('is known by the bytes of the name, however it is spelled', async () => {
      const { server, fields } = await start();
      const redis = await ready(server, { himportFieldsets: [{ name: Buffer.from('żółć'), fields: [Buffer.from('ó'), ''] }], keyPrefix: 'p:' });
      for (const send of [() => redis.call('HImport', 'set', 'k', 'żółć', 1, 2), () => redis.himport(Buffer.from('Set'), 'k', Buffer.from('żółć'), 1, 2)]) {
        fields.lose();
        expect(await result(send())).toBe('OK');
      }
      expect(wire(server)).toEqual([
        'himport PREPARE żółć ó ', 'HImport set p:k żółć 1 2', 'himport PREPARE żółć ó ', 'HImport set p:k żółć 1 2',
        'himport Set p:k żółć 1 2', 'himport PREPARE żółć ó ', 'himport Set p:k żółć 1 2',
      ]);
    });

    test('after RESET prepares first', async () => {
      const { server } = await start();
      const redis = await ready(server, { himportFieldsets, protocol: 2 });
      expect(await Promise.all([redis.call('RESET'), redis.himport('SET', 'k', 'user', 1, 2)])).toEqual(['OK', 'OK']);
      expect(wire(server).slice(2)).toEqual(['RESET', 'himport PREPARE user name age', 'himport SET k user 1 2']);
    });

    test('survives a connection that is lost while it waits', async () => {
      let prepares = 0;
      const { server } = await start((command, connection) => {
        if (!isPrepare(command) || ++prepares > 3) return undefined;
        if (prepares <= 2) return DUPLICATE;
        connection.reset();
        return null;
      });
      const redis = await ready(server, { himportFieldsets });
      expect(await redis.himport('SET', 'k', 'user', 1, 2)).toBe('OK');
      expect(wire(server, 2).at(-1)).toBe('himport SET k user 1 2');
      expect(wire(server, 2).slice(0, 2)).toEqual(PREPARED);
    });

    test('that has timed out is not sent', async () => {
      const waiting: (() => void)[] = [];
      let prepares = 0;
      const { server } = await start((command, connection) => {
        if (!isPrepare(command)) return undefined;
        if (++prepares <= 2) return DUPLICATE;
        waiting.push(() => connection.write('+OK\r\n'));
        return null;
      });
      const redis = await ready(server, { himportFieldsets, commandTimeout: 50 });
      expect(await result(redis.himport('SET', 'k', 'user', 1, 2))).toBe('Error: Command timed out');
      for (const answer of waiting) answer();
      await redis.ping();
      await new Promise(setImmediate);
      expect(wire(server).slice(2)).toEqual(['himport PREPARE user name age']);
    });

    test('that waits when the client is closed is rejected', async () => {
      let prepares = 0;
      const { server } = await start((command) => (!isPrepare(command) ? undefined : ++prepares <= 2 ? DUPLICATE : null));
      const redis = await ready(server, { himportFieldsets });
      const set = result(redis.himport('SET', 'k', 'user', 1, 2));
      await until(() => prepares === 3);
      redis.disconnect();
      expect(await set).toBe('Error: Connection is closed.');
    });
  });

  describe('a pipeline', () => {
    const refusing = (count: number): Handler => {
      let prepares = 0;
      return (command) => (isPrepare(command) && ++prepares <= count ? DUPLICATE : undefined);
    };

    test('waits as a whole', async () => {
      const { server } = await start(refusing(2));
      const redis = await ready(server, { himportFieldsets });
      const piped = redis.pipeline().set('a', 1).himport('SET', 'k1', 'user', 1, 2).himport('SET', 'k2', 'order', 3).himport('SET', 'k3', 'user', 4, 5).exec();
      await Promise.all([redis.set('b', 2), piped]);
      expect(await piped).toEqual([[null, 'OK'], [null, 'OK'], [null, 'OK'], [null, 'OK']]);
      expect(wire(server).slice(2)).toEqual([...PREPARED, 'set b 2', 'set a 1', 'himport SET k1 user 1 2', 'himport SET k2 order 3', 'himport SET k3 user 4 5']);
    });

    test('so does a transaction', async () => {
      const { server } = await start(refusing(2));
      const redis = await ready(server, { himportFieldsets });
      await result(redis.multi().himport('SET', 'k1', 'user', 1, 2).exec());
      expect(wire(server).slice(2)).toEqual(['himport PREPARE user name age', 'multi', 'himport SET k1 user 1 2', 'exec']);
    });

    test('rejects with the error of the preparation, and sends nothing', async () => {
      const { server } = await start(refusing(3));
      const redis = await ready(server, { himportFieldsets });
      expect(await result(redis.pipeline().set('a', 1).himport('SET', 'k1', 'user', 1, 2).exec())).toBe('ReplyError: ERR duplicate field name in fieldset');
      expect(await result(redis.pipeline().himport('SET', 'k1', 'user', 1, 2).exec())).toEqual([[null, 'OK']]);
      expect(wire(server).slice(2)).toEqual(['himport PREPARE user name age', 'himport PREPARE user name age', 'himport SET k1 user 1 2']);
    });

    test('a fieldset that the server has lost is an error of its command', async () => {
      const { server, fields } = await start();
      const redis = await ready(server, { himportFieldsets });
      fields.lose();
      expect(await result(redis.pipeline().himport('SET', 'k1', 'user', 1, 2).set('a', 1).exec())).toEqual([[MISSING], [null, 'OK']]);
      expect(wire(server).slice(2)).toEqual(['himport SET k1 user 1 2', 'set a 1']);
    });

    test('without managed commands waits for nothing', async () => {
      const { server } = await start(refusing(9));
      const redis = await ready(server, { himportFieldsets });
      expect(await result(redis.pipeline().himport('SET', 'k1', 'other', 1).set('a', 1).exec())).toEqual([[MISSING], [null, 'OK']]);
    });

    test('that is issued before the connection', async () => {
      const { server } = await start();
      const redis = connect(server, { himportFieldsets, lazyConnect: true });
      expect(await redis.pipeline().himport('SET', 'k1', 'user', 1, 2).exec()).toEqual([[null, 'OK']]);
      expect(wire(server)).toEqual([...PREPARED, 'himport PREPARE user name age', 'himport SET k1 user 1 2']);
    });
  });

  describe('the option', () => {
    const make = (option: unknown): any => connect({ port: 1 }, { lazyConnect: true, himportFieldsets: option });
    const refused: [unknown, string][] = [
      ['user', 'himportFieldsets must be an array'],
      [null, 'himportFieldsets must be an array'],
      [[null], 'Each HIMPORT fieldset must be an object'],
      [['user'], 'Each HIMPORT fieldset must be an object'],
      [[{ name: 1, fields: [] }], 'Each HIMPORT fieldset name must be a string or Buffer'],
      [[{ name: 'a' }], 'Each HIMPORT fieldset fields value must be an array'],
      [[{ name: 'a', fields: ['b', 2] }], 'Each HIMPORT field must be a string or Buffer'],
      [[{ name: 'a', fields: [] }, { name: Buffer.from('a'), fields: [] }], 'Duplicate HIMPORT fieldset name'],
    ];
    test.each(refused)('%j is refused', (option, message) => {
      expect(() => make(option)).toThrow(new TypeError(message));
    });

    test('is copied and frozen', () => {
      const field = Buffer.from('age');
      const fields = ['name', field];
      const { himportFieldsets: copy } = make([{ name: 'user', fields }]).options;
      fields.push('more');
      field.fill(0);
      expect(copy).toEqual([{ name: 'user', fields: ['name', Buffer.from('age')] }]);
      expect([copy, copy[0], copy[0].fields].map(Object.isFrozen)).toEqual([true, true, true]);
      expect(make([]).options.himportFieldsets).toEqual([]);
    });

    test('counts for duplicates, not for monitors', async () => {
      const { server } = await start();
      const redis = await ready(server, { himportFieldsets });
      const copy = redis.duplicate();
      expect(await copy.himport('SET', 'k', 'user', 1, 2)).toBe('OK');
      const monitor = await redis.monitor();
      expect([wire(server, 2), wire(server, 3)]).toEqual([[...PREPARED, 'himport SET k user 1 2'], ['monitor']]);
      copy.disconnect();
      monitor.disconnect();
    });

    test('on a server without HIMPORT', async () => {
      const { server } = await start(({ name }) => (name === 'himport' ? "-ERR unknown command 'himport'\r\n" : undefined));
      const redis = connect(server, { himportFieldsets: [user] });
      const seen = events(redis);
      await until(() => redis.status === 'ready');
      expect(await settled(redis, redis.himport('SET', 'k', 'user', 1, 2), redis.get('a'))).toEqual(["ReplyError: ERR unknown command 'himport'", 'OK']);
      expect(seen.filter((line) => line.startsWith('error'))).toEqual(["error ERR unknown command 'himport'"]);
    });

    if (peer === 'hawser') {
      test('a node of a cluster can get it later', async () => {
        const { server } = await start(({ name }) => (name === 'get' ? bulk('a') : undefined));
        const redis = await ready(server);
        expect(wire(server)).toEqual([]);
        redis[LIFE].useFieldsets(checkedFieldsets(himportFieldsets));
        expect(await redis.himport('SET', 'k', 'user', 1, 2)).toBe('OK');
        expect(wire(server)).toEqual([PREPARED[0], 'himport SET k user 1 2']);
        server.connections[0]?.reset();
        await readyOn(redis, server, 2);
        await redis.get('a');
        expect(wire(server, 2)).toEqual([...PREPARED, 'get a']);
        redis[LIFE].useFieldsets([]);
        expect(await result(redis.himport('SET', 'k', 'user', 1, 2))).toBe('OK');
      });
    }
  });
});
