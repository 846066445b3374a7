/** Engines that attach to one link, one after another or the same one twice: no reply reaches a call that did not ask for it. */
import { native, type NativeCache, type NativeLink } from '../../lib/native';

const makers = [(...items: unknown[]) => items, () => ({}), (text: string) => new Error(text)] as const;

/** A link that is ready. */
function readyLink(): NativeLink {
  const link = new native.NativeLink('{}', false, false);
  link.share(Buffer.alloc(16), Buffer.alloc(16), new Uint32Array(2), new Float64Array(16), ...makers);
  link.connect();
  link.connected();
  link.receiveChunk(Buffer.from('+OK\r\n$0\r\n\r\n'));
  link.output();
  return link;
}

const frame = (parts: string[]): string => `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;

interface Engine {
  cache: NativeCache;
  call(...parts: string[]): void;
}

function engine(): Engine {
  const cache = new native.NativeCache('{}');
  const calls = Buffer.alloc(1024);
  cache.share(calls, new Float64Array(8), makers[0], () => undefined);
  return { cache, call: (...parts) => cache.calls(calls.write(frame(parts))) };
}

const commandsIn = (bytes: Buffer): number => bytes.toString().match(/^\*\d+\r$/gm)?.length ?? 0;

test.each(['the same engine', 'another engine'])('%s on a link with pending replies does not treat them as its own', (which) => {
  const link = readyLink();
  const first = engine();
  first.cache.attach(link);
  const repo = String(first.cache.register('p:'));
  first.call('H', '1', repo, 'old');
  const due = commandsIn(link.output());
  expect(due).toBeGreaterThan(0);

  let second = first;
  if (which === 'the same engine') first.cache.detach();
  else second = engine();
  second.cache.attach(link);
  second.call('H', '2', String(second.cache.register('p:')), 'new');
  const own = commandsIn(link.output());
  second.cache.decisions();
  expect(own).toBeGreaterThan(0);
  link.receiveChunk(Buffer.from('*1\r\n$3\r\nold\r\n'.repeat(due)));
  expect([second.cache.decisions(), commandsIn(link.output())]).toEqual([[], 0]);
  link.receiveChunk(Buffer.from('*1\r\n$3\r\nnew\r\n'.repeat(own)));
  expect(second.cache.decisions().length + commandsIn(link.output())).toBeGreaterThan(0);
  first.cache.detach();
  second.call('H', '3', String(second.cache.register('p:')), 'more');
  if (second !== first) expect(commandsIn(link.output())).toBeGreaterThan(0);
});
