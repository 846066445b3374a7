/** The calls of a tick as RESP arrays, in a Buffer that the core has pinned. */
import { Encoder } from '../command/encoder';
import type { Meta } from '../command/table';

/** At this many waiting bytes a tick's calls leave before the tick is over. */
export const FLUSH_BYTES = 1 << 18;
/** A buffer that grew beyond this for an unusually large call is given back after it. */
const KEEP_BYTES = 1 << 20;
/** Heads of longer calls (`deleteMany` of thousands of keys) are not kept. */
const MAX_HEADS = 80;

/** `*<count>\r\n$1\r\n<letter>\r\n` by number of arguments: what the encoder asks of a command. */
class CallHead {
  readonly heads: (Buffer | undefined)[] = [];

  constructor(private readonly letter: string) {}

  head(args: number): Buffer {
    const head = Buffer.from(`*${args + 1}\r\n$1\r\n${this.letter}\r\n`);
    if (args < MAX_HEADS) this.heads[args] = head;
    return head;
  }
}

const heads = new Map<string, CallHead>();

export class CallEncoder extends Encoder {
  constructor(
    /** Called when `out` has become another Buffer. */
    private readonly pin: (out: Buffer) => void,
  ) {
    super();
    this.renewOut();
  }

  protected override onNewOut(): void {
    this.pin(this.out);
  }

  write(letter: string, args: readonly string[]): void {
    let head = heads.get(letter);
    if (head === undefined) heads.set(letter, (head = new CallHead(letter)));
    this.encode(head as unknown as Meta, args);
  }

  /** The engine has taken what was written. */
  taken(): void {
    this.at = 0;
    if (this.out.length > KEEP_BYTES) this.renewOut();
  }
}
