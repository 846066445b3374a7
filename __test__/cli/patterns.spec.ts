/** Patterns of keys, names of repositories, and texts made safe: the pure parts of the commands on servers. */
import { randomBytes, randomUUID } from 'node:crypto';
import { clientLines, connectionsOf } from '../../lib/cli/inspect/clients';
import { dangerOf } from '../../lib/cli/inspect/danger';
import { patternsOf } from '../../lib/cli/inspect/patterns';
import { commandsJson, slowEntry } from '../../lib/cli/inspect/server_state';
import { entryPrefix, internalKey, internalPrefix, tagKey } from '../../lib/cli/server/repository_names';
import { shown } from '../../lib/cli/server/shown';

const named = (keys: string[], max = 50): Record<string, number> => Object.fromEntries(patternsOf(keys, max).map(({ pattern, members }) => [pattern, members.length]));
const many = (make: (i: number) => string, count = 200): string[] => Array.from({ length: count }, (_, i) => make(i));

describe('key patterns', () => {
  test.each<[string, (i: number) => string, string]>([
    ['numbers', (i) => `user:${i}:profile`, 'user:*:profile'],
    ['numbers behind a dash', (i) => `order-${i}`, 'order-*'],
    ['UUIDs', () => `session:${randomUUID()}`, 'session:*'],
    ['hashes', () => `page:${randomBytes(20).toString('hex')}`, 'page:*'],
    ['random texts', () => `token:${randomBytes(18).toString('base64url')}`, 'token:*'],
    ['dates', (i) => `stats:2025-01-${String((i % 28) + 1).padStart(2, '0')}:daily`, 'stats:*:daily'],
    ['addresses of mail', (i) => `login:user${i}@example.com`, 'login:*'],
    ['words that are all different', (i) => `name:${'abcdefghij'[i % 10]}${'klmnopqrst'[Math.floor(i / 10) % 10]}${i < 100 ? 'x' : 'y'}`, 'name:*'],
    ['hash tags', (i) => `cart:{${i}}:items`, 'cart:{*}:items'],
    ['other separators', (i) => `files/${i}/meta`, 'files/*/meta'],
    ['numbers in braces of hawser', (i) => `orders#v{:company:${i}}`, 'orders#v{:company:*}'],
  ])('%s become one pattern', (_, key, pattern) => {
    expect(named(many(key))).toEqual({ [pattern]: 200 });
  });

  test('names stay names', () => {
    const keys = ['config', 'feature:flags', 'app:users:count', 'app:orders:count', 'v1:thing', 'v2:thing'];
    expect(Object.keys(named(keys)).sort()).toEqual([...keys].sort());
  });

  test('a name among many ids stands out if many keys have it', () => {
    const keys = [...many((i) => `job:${randomUUID()}:${i % 2 === 0 ? 'state' : 'log'}`), ...many((i) => `job:queue:${i}`, 100)];
    expect(named(keys)).toEqual({ 'job:*:state': 100, 'job:*:log': 100, 'job:queue:*': 100 });
  });

  test('every key is in exactly one pattern, and the number of patterns is bounded', () => {
    const words = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const keys = words.flatMap((one) => words.flatMap((two) => many((i) => `${one}${one}:${two}${two}:${i}`, 3)));
    const patterns = patternsOf(keys, 10);
    expect(patterns).toHaveLength(10);
    expect(patterns[9].pattern).toBe('(other)');
    expect(patterns.flatMap(({ members }) => members).sort((a, b) => a - b)).toEqual(keys.map((_, i) => i));
  });

  test('keys of any shape are taken: empty, very long, of many parts', () => {
    const keys = ['', 'x'.repeat(100_000), many(() => 'a').join(':'), ':::', '*', '{}{'];
    expect(patternsOf(keys, 50).reduce((sum, { members }) => sum + members.length, 0)).toBe(keys.length);
    for (const { pattern } of patternsOf(keys, 50)) expect(pattern.length).toBeLessThan(600);
  });
});

describe('texts of others', () => {
  test.each([
    ['\u001b[31mred\u001b[0m', '\\u001b[31mred\\u001b[0m'],
    ['a\nb\r\tc\0', 'a\\nb\\r\\tc\\u0000'],
    ['\u009b2J', '\\u009b2J'],
    ['user\u202egnp.exe', 'user\\u202egnp.exe'],
    ['\ud800alone', '\\ud800alone'],
    ['grüße 😀', 'grüße 😀'],
  ])('%j is shown as %j', (text, safe) => {
    expect(shown(text)).toBe(safe);
    if (!text.includes('\ud800')) expect(shown(Buffer.from(text))).toBe(safe);
  });

  test('bytes that are no UTF-8 are shown as such', () => {
    expect(shown(Buffer.from([0x61, 0xff, 0x1b, 0x9b]))).toBe('a\\xff\\x1b\\x9b');
  });

  test('long ones are cut, and never within a character', () => {
    expect(shown('x'.repeat(1000), 10)).toBe('xxxxxxxxx…');
    expect(shown(Buffer.from('😀'.repeat(1000)), 10)).toBe(`${'😀'.repeat(9)}…`);
    expect(shown(Buffer.from('ü'.repeat(1000)), 11)).toBe(`${'ü'.repeat(10)}…`);
  });
});

describe('names of repositories', () => {
  test.each(['sc', 'sc:user', ':', 'a{b}c', '{', 'sc('])('%j is read back from its keys', (prefix) => {
    for (const tag of ['company:1', '}', '{x}', 'a#v{:b}', 'two\nlines']) {
      expect(internalKey(tagKey(prefix, 'v', tag))).toEqual({ prefix, kind: 'v', tag });
      expect(internalKey(tagKey(prefix, 'h', tag))).toEqual({ prefix, kind: 'h', tag });
    }
    expect(internalKey(`${internalPrefix(prefix)}c{:}`)).toEqual({ prefix, kind: 'c', tag: '' });
    expect(internalKey(`${entryPrefix(prefix)}key`)).toBeUndefined();
  });

  test.each(['orders', 'orders:1', '#v{:x}', 'a#x{:y}', 'a#v{y}', ''])('%j is no key of a tag', (key) => {
    expect(internalKey(key)).toBeUndefined();
  });
});

describe('what servers say', () => {
  test('connections are grouped by name, library and address', () => {
    const lines = clientLines(
      [
        'id=1 addr=10.0.0.1:5000 name=api age=9 idle=1 flags=N db=0 sub=0 psub=0 user=app lib-name=ioredis lib-ver=5.4.1 tot-mem=100',
        'id=2 addr=10.0.0.1:5001 name=api age=5 idle=3 flags=b db=2 sub=0 psub=0 user=app lib-name=ioredis lib-ver=5.4.1 tot-mem=50',
        'id=3 addr=[::1]:6000 name= age=1 idle=0 flags=P db=0 sub=2 psub=0 user=default lib-name= lib-ver=',
        'id=4 addr=/tmp/s:0 name=hawser:cli age=1 idle=0 flags=N db=0 sub=0',
        'something else',
        '',
      ].join('\n'),
    );
    const { total, groups, byName, byLibrary, byAddress } = connectionsOf(lines);
    expect(total).toBe(3);
    expect(groups[0]).toEqual({ name: 'api', library: 'ioredis 5.4.1', address: '10.0.0.1', count: 2, subscribers: 0, blocked: 1, oldestSeconds: 9, longestIdleSeconds: 3, memoryBytes: 150, databases: [0, 2], users: ['app'] });
    expect(groups[1]).toMatchObject({ name: '', library: '', address: '[::1]', count: 1, subscribers: 1 });
    expect([byName, byLibrary, byAddress].map(([first]) => first)).toEqual([{ of: 'api', count: 2 }, { of: 'ioredis 5.4.1', count: 2 }, { of: '10.0.0.1', count: 2 }]);
    expect(connectionsOf(undefined).total).toBeNull();
  });

  test('commandstats of several servers are added up, with the dangerous ones marked', () => {
    const one = { cmdstat_keys: 'calls=2,usec=400,usec_per_call=200.00,rejected_calls=1,failed_calls=0', cmdstat_get: 'calls=100,usec=100,usec_per_call=1.00', latency_percentiles_usec_get: 'p50=1.0,p99=5.0,p99.9=9' };
    const commands = commandsJson([one, { cmdstat_get: 'calls=100,usec=300,usec_per_call=3.00', 'cmdstat_config|set': 'calls=1,usec=1,usec_per_call=1' }]);
    expect(commands.map(({ command, calls, usecPerCall, failed, p99Usec, danger }) => [command, calls, usecPerCall, failed, p99Usec, danger !== null])).toEqual([
      ['get', 200, 2, 0, 5, false],
      ['keys', 2, 200, 1, null, true],
      ['config|set', 1, 1, 0, null, true],
    ]);
    for (const name of ['constructor', '__proto__', 'get']) expect(dangerOf(name)).toBeNull();
  });

  test('a slow command is shown shortened and without secrets', () => {
    const set = slowEntry('n', [1, 1_700_000_000, 12_000, ['SET', 'k', 'v'.repeat(500)], '1.2.3.4:5', 'api']);
    expect(set).toMatchObject({ at: '2023-11-14T22:13:20.000Z', usec: 12_000, client: 'api 1.2.3.4:5', danger: null });
    expect(set.command).toMatch(/^SET k v{39}…$/);
    expect(slowEntry('n', [1, 1, 1, ['CONFIG', 'SET', 'requirepass', 'geheim']]).command).toBe('CONFIG SET requirepass ***');
    expect(slowEntry('n', [1, 1, 1, ['HELLO', '3', 'AUTH', 'bob', 'geheim']]).command).not.toContain('geheim');
    expect(slowEntry('n', [1, 1, 1, ['config', 'SET', 'timeout', '1']]).danger).not.toBeNull();
  });
});
