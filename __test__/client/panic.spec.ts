import { native, type NativeLink } from '../../lib/native';

const makers = [(...items: unknown[]) => items, () => ({}), (text: string) => new Error(text)] as const;

/** A link that is about to write its first command. The batch has 4 bytes, and the core is told that it has `length`. */
function connectedLink(length: number): NativeLink {
  const link = new native.NativeLink('{}', false, false);
  link.share(Buffer.alloc(16), Buffer.from('PING'), new Uint32Array([length, 0]), new Float64Array(16), ...makers);
  link.submit(4, 1, 0);
  link.connect();
  link.connected();
  return link;
}

/** Answers to HELLO and INFO: the link is ready and writes what waits. */
const becomeReady = (link: NativeLink): unknown[] => link.receiveChunk(Buffer.from('+OK\r\n$0\r\n\r\n'));

test('a panic of the core throws at the call that caused it; the process and its other links continue', () => {
  // More bytes than the batch has. The core panics when it looks for them.
  const broken = connectedLink(1_000_000);
  expect(() => becomeReady(broken)).toThrow(/range end index 1000000 out of range/);

  const sound = connectedLink(4);
  sound.output();
  becomeReady(sound);
  expect(sound.output().toString()).toBe('PING');
});
