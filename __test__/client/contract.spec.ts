/** The contract of the binding: it refuses unknown settings, and errors have one shape on every route. */
import { CacheDriver } from '../../lib/cache/driver';
import { CallLetter, Decision, ErrorSlot, LinkEvent, Slots } from '../../lib/contract.generated';
import { errorAt, fromCore, thrownByCore } from '../../lib/core_error';
import { HawserError } from '../../lib/errors';
import { native } from '../../lib/native';

const array = (...items: unknown[]): unknown[] => items;

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const link = (): InstanceType<typeof native.NativeLink> => new native.NativeLink('{}', false, false);

test.each<[string, string, () => unknown]>([
  ['a link', 'keepAliveMs', () => new native.NativeLink('{"keepAliveMs":1}', false, false)],
  ['a link, in a nested object', 'tag', () => new native.NativeLink('{"clientInfo":{"name":"a","version":"b","tag":"c"}}', false, false)],
  ['a link that is configured again', 'DB', () => link().configure('{"DB":1}')],
  ['a cache', 'staleMs', () => new native.NativeCache('{"leaseMs":1000,"staleMs":1}')],
])('%s refuses an unknown key and names it', (_, key, call) => {
  const { code, message } = thrownByCore(thrownBy(call));
  expect(code).toBe('E_BAD_OPTION');
  expect(message).toContain(`unknown field \`${key}\``);
});

test.each(['{"password":{"is":"hunter2"}}', '{"resend":"hunter2"}', '{"db":"hunter2"', '["hunter2"]'])('errors do not repeat unreadable options: %s', (json) => {
  const error = thrownBy(() => fromCore(() => new native.NativeLink(json, false, false)));
  expect(error).toBeInstanceOf(HawserError);
  expect(error).toMatchObject({ code: 'E_BAD_OPTION' });
  expect((error as Error).message).not.toContain('hunter2');
});

test('errors that the core throws become errors of this realm with their code', () => {
  const error = thrownBy(() => fromCore(() => native.parseUrl('http://x')));
  expect(error).toBeInstanceOf(HawserError);
  expect(error).toMatchObject({ code: 'E_BAD_OPTION', message: expect.stringContaining('has a scheme that is not known') as string });
  expect(thrownBy(() => fromCore(() => link().connect()))).toMatchObject({ code: 'E_INTERNAL', message: 'the link has no shared memory yet' });
});

test('an error in an event has the shape of every error', () => {
  const core = link();
  const out = Buffer.from('*2\r\n$3\r\nget\r\n$1\r\na\r\n');
  core.share(Buffer.alloc(16), out, new Uint32Array([out.length, 0]), new Float64Array(Slots.LinkState), array, () => ({}), (text) => new Error(text));
  core.submit(out.length, 1, 7);
  core.disconnect(false);
  const events = core.events(100);
  expect(events.length % Slots.Event).toBe(0);
  const at = events.findIndex((kind, i) => i % Slots.Event === 0 && kind === LinkEvent.Rejected);
  expect(events[at + 1]).toBe(7);
  expect(errorAt(events, at + 2)).toEqual({ code: 'E_CONN_CLOSED', message: undefined, maybeExecuted: false });
});

test('an error in a decision has the shape of every error', () => {
  const cache = new native.NativeCache(JSON.stringify({ writeTimeoutMs: 1 }));
  const calls = Buffer.alloc(1024);
  cache.share(calls, new Float64Array(Slots.CacheState), array, () => undefined);
  const repo = String(cache.register('p'));
  const frame = (parts: string[]): string => `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;
  cache.calls(calls.write(frame([CallLetter.Delete, '5', repo, 'key'])));
  let decisions: unknown[] = [];
  const deadline = Date.now() + 20_000;
  while (decisions.length === 0 && Date.now() < deadline) {
    cache.tick();
    decisions = cache.decisions();
  }
  expect(decisions.length % Slots.Decision).toBe(0);
  const at = decisions.findIndex((kind, i) => i % Slots.Decision === 0 && kind === Decision.Error);
  expect(decisions[at + 1]).toBe(5);
  const slots = decisions[at + 2] as unknown[];
  expect(errorAt(slots, ErrorSlot.Code)).toEqual({ code: 'E_TIMEOUT', message: expect.any(String) as string, maybeExecuted: false });
  expect(decisions[at + 3]).toBe(1); // Kept, and delivered when the store is there.
});

test('if the engine refuses a batch, its calls end with the error', async () => {
  const broken = Object.assign(new native.NativeCache('{}'), { calls: () => fromCore(() => native.parseUrl('http://x')) });
  const driver = new CacheDriver(broken, { event: () => undefined, counted: () => undefined });
  const call = driver.delete(driver.repository('p').repo, ['a']).next();
  expect((await call).error('delete', driver.node)).toMatchObject({ code: 'E_BAD_OPTION', maybeExecuted: true });
  driver.dispose();
});
