import { native, type NativeLink } from '../../lib/native';

const makers = [(...items: unknown[]) => items, () => ({}), (text: string) => new Error(text)] as const;

/** A link in a server's hands up to the moment its first command is written. `length` is what the core is told of a batch of 4 bytes. */
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

test('a panic of the core is an exception where it happened, and the process and its other links go on', () => {
  // More than the batch has: a defect that the core meets with a panic, when it looks for the bytes.
  const broken = connectedLink(1_000_000);
  expect(() => becomeReady(broken)).toThrow(/range end index 1000000 out of range/);

  const sound = connectedLink(4);
  sound.output();
  becomeReady(sound);
  expect(sound.output().toString()).toBe('PING');
});
