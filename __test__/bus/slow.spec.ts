/** A listener that is too slow, and a subscription that is interrupted: bounded, and said. */
import { PubSubService, RedisManager } from '../../lib/facade';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

const warn = jest.fn();
const logger = { debug() {}, info() {}, warn, error() {} };
const server = serverForAll();
const gaps: { id?: string; dropped?: number }[] = [];
const onGap = (info: { id?: string; dropped?: number }): void => void gaps.push(info);

beforeEach(() => {
  warn.mockReset();
  gaps.length = 0;
  PubSubService.on('gap', onGap);
});
afterEach(async () => {
  PubSubService.off('gap', onGap);
  for (const id of ['slow', 'quick']) PubSubService.offInvalidation(id);
  await RedisManager.closeAll();
});

test('a listener works on 10,000 messages at most; what is dropped is said at the beginning and at the end, and others miss nothing', async () => {
  RedisManager.configure({ url: server.url, logger });
  let release!: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  let begun = 0;
  let quick = 0;
  PubSubService.onInvalidation('slow', async () => {
    begun++;
    await released;
  });
  PubSubService.onInvalidation('quick', () => quick++);
  await PubSubService.initialize();
  const publisher = await RedisManager.getPublisherClient();
  const text = JSON.stringify({ type: 'key', target: 'k' });
  for (let sent = 0; sent < 30_000; sent += 5_000) {
    await Promise.all(Array.from({ length: 5_000 }, () => publisher.publish('shipcrowd:cache:invalidation', text)));
  }
  await until(() => quick === 30_000);
  expect(begun).toBe(10_000);
  expect(gaps).toEqual([{ id: 'slow', dropped: 1 }]);
  expect(warn.mock.calls.map(([line]) => String(line))).toEqual([expect.stringContaining('"slow" works on 10000 messages')]);
  release();
  await until(() => gaps.length === 2);
  expect(gaps[1]).toEqual({ id: 'slow', dropped: 20_000 });
  expect(String(warn.mock.calls[1][0])).toContain('20000 messages were dropped');
  await PubSubService.publish({ type: 'key', target: 'k' });
  await until(() => begun === 10_001);
});

test('a subscriber whom the server cuts because it is too slow is told of the gap, and hears again', async () => {
  RedisManager.configure({ url: server.url, logger, retryDelayMs: 1 });
  const heard: unknown[] = [];
  PubSubService.onInvalidation('quick', ({ target }) => heard.push(target));
  await PubSubService.initialize();
  for (let i = 1; i <= 2; i++) {
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => gaps.length === i);
    expect(gaps[i - 1]).toEqual({});
    await PubSubService.publish({ type: 'key', target: `after ${i}` });
    await until(() => heard.includes(`after ${i}`));
  }
  await PubSubService.close();
  await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  const redis = await RedisManager.getSubscriberClient();
  await redis.ping();
  expect(gaps).toHaveLength(2);
});
