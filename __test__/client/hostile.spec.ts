/** A server that is broken or hostile costs one typed error and one connection, never the process, and no more memory than it sends bytes. */
import * as net from 'node:net';
import { Redis } from '../../lib/client/redis';
import { runNode } from '../helpers/process';
import { until } from '../helpers/until';

/** What a server sends after each GET: a list of pieces, or a function that writes as long as it likes. */
type Attack = string | Buffer | ((socket: net.Socket) => void);

interface Hostile {
  readonly port: number;
  connections: number;
  attack: Attack;
  stop(): Promise<void>;
}

/** Answers a handshake, attacks at the first GET of a connection while `attack` is set, and is a good server otherwise. */
function hostile(attack: Attack): Promise<Hostile> {
  return new Promise((resolve) => {
    const sockets = new Set<net.Socket>();
    const listener = net.createServer((socket) => {
      sockets.add(socket);
      state.connections++;
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      socket.on('data', (bytes) => {
        for (const command of bytes.toString().split(/\*\d+\r\n/).slice(1)) {
          const name = command.split('\r\n')[1].toLowerCase();
          if (name === 'hello') socket.write('%1\r\n+proto\r\n:3\r\n');
          else if (name === 'info') socket.write('$11\r\nloading:0\r\n\r\n');
          else if (name !== 'get') socket.write('+OK\r\n');
          else if (state.attack === '') socket.write('$4\r\ngood\r\n');
          else if (typeof state.attack === 'function') state.attack(socket);
          else socket.write(state.attack);
        }
      });
    });
    const state: Hostile = {
      get port() {
        return (listener.address() as net.AddressInfo).port;
      },
      connections: 0,
      attack,
      stop: () => new Promise((done) => {
        for (const socket of sockets) socket.destroy();
        listener.close(() => done());
      }),
    };
    listener.listen(0, '127.0.0.1', () => resolve(state));
  });
}

const LIMIT = 1 << 20;
const lots = (text: string, times: number): string => text.repeat(times);
const lengths = ['$', '!', '=', '*', '%', '~', '>', '|'];

const BROKEN: [string, string | Buffer][] = [
  ...lengths.flatMap((kind): [string, string][] => [
    ...(kind === '$' || kind === '*' ? [] : [[`${kind} of -1`, `${kind}-1\r\n`] as [string, string]]),
    [`${kind} of -2`, `${kind}-2\r\n`],
    [`${kind} of 2^63-1`, `${kind}9223372036854775807\r\nabc`],
    [`${kind} of 2^63`, `${kind}9223372036854775808\r\nabc`],
    [`${kind} of 2^64+1`, `${kind}18446744073709551617\r\nabc`],
    [`${kind} of nothing`, `${kind}\r\n`],
    [`${kind} of text`, `${kind}1x\r\n`],
    [`${kind} with a sign`, `${kind}+-1\r\n`],
  ]),
  ['arrays deeper than 128', lots('*1\r\n', 200)],
  ['maps deeper than 128', lots('%1\r\n+k\r\n', 200)],
  ['attributes on attributes', lots('|1\r\n', 200)],
  ['a push in a reply', lots('>1\r\n', 200)],
  ['more elements than 2^30 in pieces', lots('*600000000\r\n', 2)],
  ['a line of digits without an end', `:${lots('1', 1 << 17)}`],
  ['a length without an end', `$${lots('0', 1 << 17)}`],
  ['a status without an end', `+${lots('x', LIMIT + 10)}`],
  ['an error without an end', `-${lots('x', LIMIT + 10)}`],
  ['a value longer than the limit', `$${LIMIT + 1}\r\n`],
  ['an array longer than the limit', `*1000000\r\n${lots('+x\r\n', LIMIT / 4)}`],
  ['attributes without an end', lots('|1\r\n+a\r\n+b\r\n', LIMIT / 12 + 10)],
  ['a value longer than it says', '$3\r\nabcdef\r\n'],
  ['a carriage return alone', '+a\rb\r\n'],
  ['a boolean that is none', '#x\r\n'],
  ['a double that is none', ',1.2.3\r\n'],
  ['a big number that is none', '(12a\r\n'],
  ['a null with a body', '_x\r\n'],
  ['a verbatim string without a format', '=2\r\nab\r\n'],
  ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['a TLS alert', Buffer.from([21, 3, 3, 0, 2, 2, 40])],
  ['NULs', Buffer.alloc(64)],
  ['noise', Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919 + 13) % 251))],
  ['a reply that nobody waits for', '$4\r\ngood\r\n+OK\r\n'],
  ['a subscription without a count', '>3\r\n+subscribe\r\n+news\r\n+many\r\n'],
  ['a subscription with a negative count', '>3\r\n+subscribe\r\n+news\r\n:-1\r\n'],
];

test.each(BROKEN)('%s: one typed error, one connection, and the next one works', async (name, attack) => {
  const server = await hostile(attack);
  const redis = new Redis({ port: server.port, host: '127.0.0.1', maxReplyBytes: LIMIT, retryStrategy: () => 1 });
  const errors: { code?: string; name?: string }[] = [];
  redis.on('error', (error: Error & { code?: string }) => {
    errors.push(error);
    server.attack = '';
  });
  const reply = redis.get('k').then(String, (error: Error & { code?: string }) => error);
  await until(() => errors.length > 0, { what: 'an error' });
  server.attack = '';
  const outcome = await reply;
  if (name === 'a reply that nobody waits for') expect(outcome).toBe('good');
  else expect(outcome).toMatchObject({ code: 'E_PROTOCOL', maybeExecuted: true });
  expect(await redis.get('k')).toBe('good');
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatchObject({ name: 'HawserError', code: 'E_PROTOCOL' });
  expect(server.connections).toBe(2);
  redis.disconnect();
  await server.stop();
});

test.each([
  ['a push of another kind', '>2\r\n+server-cpu\r\n:1\r\n'],
  ['an empty push', '>0\r\n'],
  ['a push of arrays', '>1\r\n*1\r\n*0\r\n'],
  ['a message without a subscription', '>3\r\n+message\r\n+news\r\n+hello\r\n'],
  ['keys that nobody tracks', '>2\r\n+invalidate\r\n*1\r\n+k\r\n'],
  ['a flush that nobody tracks', '>2\r\n+invalidate\r\n_\r\n'],
  ['a confirmation that nobody asked for', '>3\r\n+subscribe\r\n+news\r\n:1\r\n'],
  ['a shard that nobody follows', '>3\r\n+sunsubscribe\r\n+news\r\n:0\r\n'],
  ['a message cut short', '>1\r\n+message\r\n'],
  ['attributes', '|2\r\n+ttl\r\n:1\r\n+more\r\n*2\r\n:1\r\n:2\r\n'],
])('%s, a hundred times before each reply: every command has its own reply', async (_name, push) => {
  const server = await hostile((socket) => void socket.write(`${lots(push, 100)}$4\r\ngood\r\n`));
  const redis = new Redis({ port: server.port, host: '127.0.0.1' });
  const errors: Error[] = [];
  redis.on('error', (error: Error) => errors.push(error));
  for (let i = 0; i < 20; i++) expect(await Promise.all([redis.get('a'), redis.set('b', '1'), redis.get('c')])).toEqual(['good', 'OK', 'good']);
  expect(errors).toEqual([]);
  expect(server.connections).toBe(1);
  redis.disconnect();
  await server.stop();
});

test.each([
  ['a status', Buffer.from('+\xff\xfe\xc3\r\n', 'latin1'), '\ufffd\ufffd\ufffd'],
  ['a value', Buffer.from('$3\r\n\xed\xa0\x80\r\n', 'latin1'), '\ufffd\ufffd\ufffd'],
  ['a verbatim string', Buffer.from('=6\r\ntxt:\xc0\xaf\r\n', 'latin1'), '\ufffd\ufffd'],
])('%s that is not UTF-8 keeps its bytes, and is no error', async (_name, bytes, text) => {
  const server = await hostile(bytes);
  const redis = new Redis({ port: server.port, host: '127.0.0.1' });
  expect(await redis.get('k')).toBe(text);
  expect(bytes.includes((await redis.getBuffer('k'))!)).toBe(true);
  expect(server.connections).toBe(1);
  redis.disconnect();
  await server.stop();
});

test('an error that is not UTF-8 is an error of its command', async () => {
  const server = await hostile(Buffer.from('-ERR \xff\xfe\r\n', 'latin1'));
  const redis = new Redis({ port: server.port, host: '127.0.0.1' });
  await expect(redis.get('k')).rejects.toMatchObject({ name: 'ReplyError', message: expect.stringContaining('ERR \ufffd') });
  redis.disconnect();
  await server.stop();
});

/** Writes without end, as fast as the other side reads. */
function endless(socket: net.Socket, first: string, piece: string): void {
  const block = Buffer.from(lots(piece, Math.ceil(65_536 / piece.length)));
  socket.write(first);
  const more = (): void => {
    while (socket.writable && socket.write(block));
    if (socket.writable) socket.once('drain', more);
  };
  more();
}

const MIB = 1 << 20;
const HUNGRY: [string, Attack][] = [
  ['a value of 16 MB that never comes', `$${16 * MIB - 100}\r\nabc`],
  ['an array of 2^30 that never comes', '*1073741823\r\n:1\r\n'],
  ['arrays of a million in arrays of a million', lots('*1000000\r\n', 120)],
  ['a map of 2^29 that never comes', '%536870000\r\n+k\r\n'],
  ['a line without an end', (socket) => endless(socket, '+', 'x')],
  ['an array without an end', (socket) => endless(socket, '*1073741823\r\n', ':1\r\n')],
  ['a value without an end', (socket) => endless(socket, `$${16 * MIB - 1}\r\n`, 'x')],
  ['attributes without an end', (socket) => endless(socket, '', '|1\r\n+a\r\n+b\r\n')],
];

test.each(HUNGRY)('%s: with a limit of 16 MB, twenty connections one after another need less than 64 MB', async (_name, attack) => {
  const server = await hostile(attack);
  const { stdout, stderr, code, timedOut } = await runNode(
    `
    const { Redis } = require('hawser');
    const redis = new Redis({ port: ${server.port}, host: '127.0.0.1', maxReplyBytes: ${16 * MIB}, retryStrategy: () => 1, watchdogMs: 0, resend: 'none' });
    let ends = 0;
    redis.on('error', () => {}).on('close', () => ends++);
    let peak = 0;
    redis.once('ready', async () => {
      gc();
      const before = process.memoryUsage.rss();
      const sampler = setInterval(() => { peak = Math.max(peak, process.memoryUsage.rss() - before); }, 5);
      for (let i = 0; i < 20; i++) {
        if (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve));
        const { stream } = redis;
        const end = stream.bytesRead + ${typeof attack === 'string' ? attack.length : Infinity};
        let isSettled = false;
        const got = redis.get('k').catch(() => {}).then(() => { isSettled = true; });
        while (!isSettled && stream.bytesRead < end) await new Promise(setImmediate);
        await new Promise(setImmediate);
        // A client that waits for bytes that never come is healthy: the application goes on.
        if (!isSettled) { redis.disconnect(true); await got; }
      }
      clearInterval(sampler);
      peak = Math.max(peak, process.memoryUsage.rss() - before);
      redis.disconnect();
      console.log(JSON.stringify({ peak: Math.round(peak / ${MIB}), ends }));
    });
    `,
    // The loop's own garbage is not what is measured: it may take a megabyte, not the 32 that V8 allows.
    { deadlineMs: 60_000, nodeArgs: ['--expose-gc', '--max-semi-space-size=1'] },
  );
  expect({ code, stderr, timedOut }).toEqual({ code: 0, stderr: '', timedOut: false });
  const { peak, ends } = JSON.parse(stdout) as { peak: number; ends: number };
  expect(ends).toBeGreaterThanOrEqual(19);
  expect(peak).toBeLessThan(64);
  await server.stop();
});

test('a subscriber that is slow has every message of a million, in bounded memory', async () => {
  const COUNT = 1_000_000;
  const server = await hostile('');
  const feeder = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      for (const command of bytes.toString().split(/\*\d+\r\n/).slice(1)) {
        const name = command.split('\r\n')[1].toLowerCase();
        if (name === 'hello') socket.write('%1\r\n+proto\r\n:3\r\n');
        else if (name === 'info') socket.write('$11\r\nloading:0\r\n\r\n');
        else if (name === 'subscribe') feed(socket);
        else socket.write('+OK\r\n');
      }
    });
  });
  const feed = (socket: net.Socket): void => {
    socket.write('>3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n');
    let sent = 0;
    const block = Buffer.from(lots(`>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$100\r\n${lots('m', 100)}\r\n`, 1000));
    const more = (): void => {
      while (sent < COUNT && socket.writable) {
        sent += 1000;
        if (!socket.write(block)) return void socket.once('drain', more);
      }
    };
    more();
  };
  await new Promise<void>((resolve) => feeder.listen(0, '127.0.0.1', resolve));
  const { stdout, stderr, code } = await runNode(
    `
    const { Redis } = require('hawser');
    const redis = new Redis({ port: ${(feeder.address() as net.AddressInfo).port}, host: '127.0.0.1' });
    let heard = 0, peak = 0, before = 0;
    redis.on('message', () => {
      if (++heard === 1) before = process.memoryUsage().rss;
      // Slower than the server.
      if (heard % 20000 === 0) { const end = performance.now() + 20; while (performance.now() < end); peak = Math.max(peak, process.memoryUsage.rss() - before); }
      if (heard === ${COUNT}) { console.log(JSON.stringify({ peak: Math.round(peak / ${MIB}) })); redis.disconnect(); }
    });
    redis.subscribe('news');
    `,
    { deadlineMs: 60_000 },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect((JSON.parse(stdout) as { peak: number }).peak).toBeLessThan(64);
  await new Promise((resolve) => feeder.close(resolve));
  await server.stop();
}, 60_000);
