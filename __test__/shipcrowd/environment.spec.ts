/** What the example takes from its environment. The other specs start it with its variables set to nothing. */
import { flag, number, text } from '../../examples/shipcrowd/server/env';
import { flagsOf, isMemory, knowsOldCode } from '../../examples/shipcrowd/server/flags';

const redis = { REDIS_URL: 'redis://127.0.0.1:7001' };

test.each(['', ' ', undefined])('%j is not set', (value) => {
  const env = { NAME: value };
  expect([text('NAME', env), number('NAME', 7, env), flag('NAME', true, env)]).toEqual([undefined, 7, true]);
  expect([isMemory({ REDIS_URL: value }), knowsOldCode({ ...redis, REDIS_CLUSTER: value })]).toEqual([false, true]);
});

test.each([['true', 'after'], ['1', 'after'], ['TRUE', 'after'], ['false', 'before'], ['0', 'before'], ['', 'before']] as const)('REDIS_MANAGER_ENABLED=%s is %s', (value, side) => {
  expect(new Set(Object.values(flagsOf({ ...redis, REDIS_MANAGER_ENABLED: value })))).toEqual(new Set([side]));
});

test('an exception that is empty is none', () => {
  const flags = flagsOf({ ...redis, REDIS_MANAGER_ENABLED: 'true', REDIS_MANAGER_ORDERS: '', REDIS_MANAGER_WALLET: '0' });
  expect([flags.ORDERS, flags.WALLET, flags.QUEUES]).toEqual(['after', 'before', 'after']);
});

test('what is malformed is named', () => {
  expect(() => flagsOf({ ...redis, REDIS_MANAGER_ORDERS: 'yes' })).toThrow('REDIS_MANAGER_ORDERS must be true, false, 1 or 0, got "yes"');
  expect(() => number('ORDERS', 1, { ORDERS: '1e3' })).toThrow('ORDERS must be a whole number, got "1e3"');
});
