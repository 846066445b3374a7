/** The near cache on a server: what other processes change, and what happens when the tracking link, a process or the server stops. */
import { spawnSync } from 'node:child_process';
import { CacheMetrics, CacheRepository, RedisManager, type CacheRepositoryOptions, type ManagerOptions } from '../../lib/facade';
import { serverForAll } from '../helpers/lifetimes';
import { NodeProcess } from '../helpers/process';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { isNear } from './backends';

const NEAR: CacheRepositoryOptions = { nearCache: { maxBytes: 1 << 20 } };
const server = serverForAll();
const warnings: string[] = [];
const children: NodeProcess[] = [];
let prefixes = 0;

function configure(more?: ManagerOptions): void {
  const logger = { debug() {}, info() {}, warn: (line: string) => void warnings.push(line), error() {} };
  RedisManager.configure({ url: server.url, logger, retryDelayMs: 20, ...more });
}

beforeEach(() => {
  warnings.length = 0;
  CacheMetrics.reset();
  configure();
});
afterEach(async () => {
  server.thaw();
  await Promise.all(children.splice(0).map((child) => child.kill()));
  await RedisManager.closeAll();
  RedisManager.configure({});
  await server.command('FLUSHALL');
});

const prefix = (): string => `near${++prefixes}`;

async function warmUp(cache: CacheRepository, key = 'k'): Promise<void> {
  await until(() => isNear(cache, key));
}

/** The connection on which keys are tracked. */
async function laneId(): Promise<string> {
  const list = String(await server.command('CLIENT', 'LIST'));
  return /^id=(\d+).* name=hawser:cache /m.exec(list)?.[1] ?? '';
}

/**
 * Runs a command in another process while this thread is blocked. When the server answers the second command, it has written the pushes
 * of the first.
 */
function whileBlocked(...command: string[]): void {
  run(`${command.join(' ')}\nPING\n`);
}

function run(input: string): void {
  const { status, stdout, stderr } = spawnSync('redis-cli', ['-p', String(server.port)], { input, encoding: 'utf8' });
  if (status !== 0 || /^(\(error\)|ERR|WRONG)/m.test(stdout)) throw new Error(`${stdout} ${stderr}`);
}

describe('near cache', () => {
  test('a hit sends nothing', async () => {
    const cache = new CacheRepository(prefix(), NEAR);
    await cache.setWithTags('k', 1, { tags: ['a', 'b'] });
    await warmUp(cache);
    const sent = await server.countCommands(async () => {
      for (let i = 0; i < 1_000; i++) await cache.getOrSet('k', () => 2, { tags: ['a', 'b'] });
    });
    delete sent.info; // A sign of life, once in seconds.
    expect(sent).toEqual({});
  });

  test('opens one connection more, with the first read, and closes it', async () => {
    const names = async (): Promise<string[]> => (String(await server.command('CLIENT', 'LIST')).match(/ name=(hawser:\w+)/g) ?? []).map((name) => name.slice(6)).sort();
    const cache = new CacheRepository(prefix(), NEAR);
    await cache.set('k', 1);
    expect(await names()).toEqual(['hawser:main']);
    await warmUp(cache);
    expect(await names()).toEqual(['hawser:cache', 'hawser:main']);
    await RedisManager.closeAll();
    await until(async () => (await names()).length === 0);
  });

  test.each([
    ['deletes', (key: string) => ['DEL', key]],
    ['replaces', (key: string) => ['SET', key, 'something']],
    ['flushes', () => ['FLUSHALL']],
    ['lets expire', (key: string) => ['PEXPIRE', key, '1']],
    ['renames', (key: string) => ['RENAME', key, 'elsewhere']],
  ])('what another client %s is not served once this thread has looked', async (_name, command) => {
    const name = prefix();
    const cache = new CacheRepository(name, NEAR);
    for (let i = 0; i < 5; i++) {
      await cache.set('k', 'old');
      await warmUp(cache);
      whileBlocked(...command(`${name}:k`));
      await until(async () => (await cache.get('k')) === null);
    }
  });

  test('a thread that was blocked serves nothing that was invalidated meanwhile', async () => {
    const name = prefix();
    const cache = new CacheRepository(name, NEAR);
    for (let i = 0; i < 20; i++) {
      await cache.setWithTags('k', 'old', { tags: ['t'] });
      await warmUp(cache);
      // Starting a process takes longer than 10 ms.
      const began = performance.now();
      whileBlocked('DEL', i % 2 === 0 ? `${name}:k` : `${name}#v{:t}`);
      while (performance.now() - began < 11);
      expect(await cache.get('k')).toBeNull();
    }
  });

  test('two processes see each other\'s writes and invalidations', async () => {
    const name = prefix();
    const child = new NodeProcess(
      `
      const { CacheRepository } = require('hawser');
      const cache = new CacheRepository(${JSON.stringify(name)}, { nearCache: { maxBytes: 1e6 } });
      require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
        const [what, value] = line.split(' ');
        if (what === 'set') await cache.setWithTags('k', value, { tags: ['t'] });
        if (what === 'invalidate') await cache.invalidateTags(['t']);
        if (what === 'get') return console.log('got', await cache.get('k'), value);
        console.log('done', value);
      });
      console.log('ready');
    `,
      { env: { REDIS_URL: server.url }, deadlineMs: 60_000 },
    );
    children.push(child);
    await child.line(/^ready$/);
    const cache = new CacheRepository(name, NEAR);
    for (let i = 0; i < 10; i++) {
      child.send(`set ${i}`);
      await child.line(new RegExp(`^done ${i}$`));
      await until(async () => (await cache.get('k')) === String(i));
      await warmUp(cache);
      child.send(`get ${i}`);
      expect(await child.line(new RegExp(`^got .* ${i}$`))).toBe(`got ${i} ${i}`);
      await cache.setWithTags('k', `mine${i}`, { tags: ['t'] });
      await until(async () => {
        child.send(`get ${i}`);
        return (await child.line(new RegExp(`^got mine${i} ${i}$`), { deadlineMs: 200 }).catch(() => undefined)) !== undefined;
      });
      child.send('invalidate x' + i);
      await child.line(new RegExp(`^done x${i}$`));
      await until(async () => (await cache.get('k')) === null);
    }
  });

  test('does not keep a process alive whose main client has ended', async () => {
    const child = new NodeProcess(
      `
      const { CacheRepository, CacheMetrics, RedisManager } = require('hawser');
      const cache = new CacheRepository(${JSON.stringify(prefix())}, { nearCache: { maxBytes: 1e6 } });
      (async () => {
        await cache.set('k', 1);
        while (CacheMetrics.snapshot().nearHits === 0) { await cache.get('k'); await new Promise((resolve) => setImmediate(resolve)); }
        (await RedisManager.getMainClient()).disconnect();
        console.log('warm');
      })();
    `,
      { env: { REDIS_URL: server.url }, deadlineMs: 20_000 },
    );
    children.push(child);
    expect(await child.done).toMatchObject({ code: 0, timedOut: false, stdout: 'warm\n' });
  });

  test('a process that was stopped serves nothing that was invalidated meanwhile', async () => {
    const name = prefix();
    const child = new NodeProcess(
      `
      const { CacheRepository, CacheMetrics } = require('hawser');
      const cache = new CacheRepository(${JSON.stringify(name)}, { nearCache: { maxBytes: 1e6 } });
      (async () => {
        await cache.set('k', 'old');
        while (CacheMetrics.snapshot().nearHits === 0) { await cache.get('k'); await new Promise((resolve) => setImmediate(resolve)); }
        console.log('warm');
        // Reads all the time: it is stopped somewhere within.
        for (;;) {
          const value = await cache.get('k');
          if (value !== 'old') break;
          if (CacheMetrics.snapshot().nearHits % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        console.log('seen');
      })();
    `,
      { env: { REDIS_URL: server.url }, deadlineMs: 60_000 },
    );
    children.push(child);
    await child.line(/^warm$/);
    child.child.kill('SIGSTOP');
    await server.command('DEL', `${name}:k`);
    child.child.kill('SIGCONT');
    await child.line(/^seen$/);
  });

  test('the loss of the tracking link drops everything, and tracking comes back with it', async () => {
    const name = prefix();
    const cache = new CacheRepository(name, NEAR);
    for (let i = 0; i < 5; i++) {
      await cache.set('k', `old${i}`);
      await warmUp(cache);
      const id = await laneId();
      // The write reaches the server after the connection is gone: nobody tells this process.
      run(`MULTI\nCLIENT KILL ID ${id}\nDEL ${name}:k\nEXEC\nPING\n`);
      await until(async () => (await cache.get('k')) === null);
      await cache.set('k', 'new');
      await warmUp(cache);
      expect(await laneId()).not.toBe(id);
    }
  });

  test('a frozen server: copies are served for a few seconds, and never for longer', async () => {
    const cache = new CacheRepository(prefix(), NEAR);
    await cache.set('k', 'value');
    await warmUp(cache);
    server.freeze();
    const began = performance.now();
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('value');
    await until(async () => (await cache.getOrSet('k', () => 'loaded')) === 'loaded', { deadlineMs: 20_000 });
    expect(performance.now() - began).toBeGreaterThan(1_000);
    server.thaw();
    await until(async () => (await cache.get('k')) !== null && isNear(cache), { deadlineMs: 20_000 });
  }, 60_000);

  test('an invalidation that could not be delivered binds this process', async () => {
    configure({ cache: { writeTimeoutMs: 200 } });
    const cache = new CacheRepository(prefix(), NEAR);
    await cache.setWithTags('k', 'old', { tags: ['t'] });
    await warmUp(cache);
    server.freeze();
    await expect(cache.invalidateTags(['t'])).rejects.toMatchObject({ kept: true });
    expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
    expect(await cache.get('k')).toBeNull();
    server.thaw();
    await until(async () => (await cache.getOrSet('k', () => 'newer', { tags: ['t'] })) !== 'new');
    expect(await cache.get('k')).not.toBe('old');
  });
});

describe('near cache on servers without pushes', () => {
  test('protocol 2: one warning, and the repository works without', async () => {
    await RedisManager.closeAll();
    configure({ redis: { protocol: 2 } });
    await worksWithout(new CacheRepository(prefix(), NEAR));
  });

  test('a server without HELLO', async () => {
    const old = await RedisServer.start({ args: ['--rename-command', 'HELLO', ''] });
    try {
      await RedisManager.closeAll();
      configure({ url: old.url });
      await worksWithout(new CacheRepository(prefix(), NEAR));
      await RedisManager.closeAll();
    } finally {
      await old.stop();
    }
  });

  test('a user who may not track', async () => {
    await server.command('ACL', 'SETUSER', 'plain', 'on', '>secret', '~*', '&*', '+@all', '-client', '+client|setname');
    await RedisManager.closeAll();
    configure({ url: server.url.replace('redis://', 'redis://plain:secret@') });
    await worksWithout(new CacheRepository(prefix(), NEAR));
    expect(String(await server.command('CLIENT', 'LIST'))).not.toContain('hawser:cache');
  });

  async function worksWithout(cache: CacheRepository): Promise<void> {
    await cache.setWithTags('k', 1, { tags: ['t'] });
    await until(async () => {
      expect(await cache.get('k')).toBe(1);
      return warnings.length > 0;
    });
    for (let i = 0; i < 20; i++) expect(await cache.getOrSet('k', () => 2, { tags: ['t'] })).toBe(1);
    await new CacheRepository(prefix(), NEAR).get('x');
    await cache.invalidateTags(['t']);
    expect(await cache.get('k')).toBeNull();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('near cache');
    expect(CacheMetrics.snapshot().nearHits).toBe(0);
  }
});
