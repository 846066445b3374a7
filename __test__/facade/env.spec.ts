import { environmentTable, readEnv, readEnvironment, type EnvName } from '../../lib/env';

describe('environment variables', () => {
  test('have their documented defaults', () => {
    expect(readEnvironment({})).toEqual({
      REDIS_URL: 'redis://localhost:6379',
      REDIS_CLUSTER: false,
      REDIS_CLUSTER_NODES: '',
      REDIS_MANAGER_ENABLED: false,
      REDIS_MAX_RETRIES: 10,
      REDIS_RETRY_DELAY: 100,
      CACHE_DEFAULT_TTL: 3600,
      CACHE_ENABLE_TAGS: true,
      CACHE_ENABLE_SWR: true,
      REDIS_MONITOR_ENABLED: false,
      CACHE_METRICS_ENABLED: true,
    });
  });

  test.each([
    ['CACHE_ENABLE_TAGS', 'false', false],
    ['CACHE_ENABLE_TAGS', '0', false],
    ['REDIS_CLUSTER', 'TRUE', true],
    ['REDIS_CLUSTER', '1', true],
    ['CACHE_DEFAULT_TTL', '0.5', 0.5],
    ['CACHE_DEFAULT_TTL', ' 60 ', 60],
    ['REDIS_MAX_RETRIES', '0', 0],
    ['REDIS_URL', '', 'redis://localhost:6379'],
    ['REDIS_URL', 'memory://', 'memory://'],
    ['REDIS_CLUSTER_NODES', 'a:1,[::1]:2,redis://c:3', 'a:1,[::1]:2,redis://c:3'],
  ] as [EnvName, string, unknown][])('%s=%s is %p', (name, text, value) => {
    expect(readEnv(name, { [name]: text })).toBe(value);
  });

  test.each([
    ['CACHE_ENABLE_TAGS', 'yes', 'true, false, 1 or 0'],
    ['REDIS_CLUSTER', 'on', 'true, false, 1 or 0'],
    ['CACHE_DEFAULT_TTL', '0', 'a number of seconds from 0.001'],
    ['CACHE_DEFAULT_TTL', '-5', 'a number of seconds from 0.001'],
    ['CACHE_DEFAULT_TTL', '1h', 'a number of seconds from 0.001'],
    ['CACHE_DEFAULT_TTL', '0x10', 'a number of seconds from 0.001'],
    ['CACHE_DEFAULT_TTL', 'Infinity', 'a number of seconds from 0.001'],
    ['REDIS_MAX_RETRIES', '1.5', 'a whole number of retries from 0'],
    ['REDIS_RETRY_DELAY', '', undefined],
    ['REDIS_RETRY_DELAY', '0', 'a number of milliseconds from 1'],
  ] as [EnvName, string, string | undefined][])('%s=%p is refused unless allowed', (name, text, allowed) => {
    const read = (): unknown => readEnv(name, { [name]: text });
    if (allowed === undefined) return expect(read()).toBe(100); // Empty is not set.
    expect(read).toThrow(expect.objectContaining({ code: 'E_BAD_OPTION', message: expect.stringContaining(`${name} must be ${allowed}`) as string }));
    expect(read).toThrow(JSON.stringify(text));
  });

  test('the error does not show a refused URL, because it may hold a password', () => {
    const error = thrown(() => readEnv('REDIS_URL', { REDIS_URL: 'user:hunter2@host' }));
    expect(error.message).toContain('REDIS_URL must be a URL: redis://, rediss://, unix:// or memory://');
    expect(error.message).not.toContain('hunter2');
    const nodes = thrown(() => readEnv('REDIS_CLUSTER_NODES', { REDIS_CLUSTER_NODES: 'hunter2' }));
    expect(nodes.message).toContain('host:port');
    expect(nodes.message).not.toContain('hunter2');
  });

  test('the table has a row for each variable, with its default', () => {
    const table = environmentTable();
    for (const [name, value] of Object.entries(readEnvironment({}))) {
      const row = table.split('\n').find((line) => line.includes(`\`${name}\``));
      expect(row).toContain(value === '' ? '| not set |' : `\`${String(value)}\``);
    }
  });
});

function thrown(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
