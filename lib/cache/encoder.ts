/** Encodes the calls of a tick as RESP arrays into a Buffer that the core has pinned. */
import { Encoder } from '../command/encoder';
import type { Meta } from '../command/table';

/** At this number of waiting bytes, a tick's calls go out before the tick is over. */
export const FLUSH_BYTES = 1 << 18;
/** A buffer that grew beyond this for an unusually large call is released afterwards. */
const KEEP_BYTES = 1 << 20;
/** Headers of longer calls (`deleteMany` of thousands of keys) are not cached. */
const MAX_HEADS = 80;

/** The headers `*<count>\r\n$1\r\n<letter>\r\n` by number of arguments, as the encoder needs them. */
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
    /** Called after `out` was replaced by another Buffer. */
    private readonly pin: (out: Buffer) => void,
  ) {
    super();
    this.renewOut();
  }

  protected override onNewOut(): void {
    this.pin(this.out);
  }

  write(letter: string, args: readonly (string | Uint8Array)[]): void {
    let head = heads.get(letter);
    if (head === undefined) heads.set(letter, (head = new CallHead(letter)));
    this.encode(head as unknown as Meta, args);
  }

  /** The engine has consumed the written bytes. */
  taken(): void {
    this.at = 0;
    if (this.out.length > KEEP_BYTES) this.renewOut();
  }
}
