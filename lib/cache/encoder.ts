/** Encodes the calls of a tick into a Buffer that the core has pinned: as RESP arrays, `getOrSet` in a shorter form (`src/cache/wire/readings.rs`). */
import { Encoder, writeText } from '../command/encoder';
import type { Meta } from '../command/table';
import { CallLetter } from '../contract.generated';
import { NO_CODEC } from './parsed';

/** The letters of `read`, as codes. */
export const GET_OR_SET = CallLetter.GetOrSet.charCodeAt(0);
export const GET_OR_SET_REPLACING = CallLetter.GetOrSetReplacing.charCodeAt(0);

/** At this number of waiting bytes, a tick's calls go out before the tick is over. */
export const FLUSH_BYTES = 1 << 18;
/** A buffer that grew beyond this for an unusually large call is released afterwards. */
const KEEP_BYTES = 1 << 20;
/** Headers of longer calls (`deleteMany` of thousands of keys) are not cached. */
const MAX_HEADS = 80;

const NONE: readonly string[] = [];

/** The letter, the call and two lengths. */
const READ_HEAD = 13;
/** The length of a part, and the comma between two. */
const READ_FRAME = 3;

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

/** A repository in a call that reads, and how its caller decodes the value. The last one is mostly the next one. */
const last = { repo: 0, codec: NO_CODEC, text: '0' };
export function reader(repo: number, codec: number): string {
  if (repo === last.repo && codec === last.codec) return last.text;
  Object.assign(last, { repo, codec, text: codec === NO_CODEC ? String(repo) : `${repo}:${codec}` });
  return last.text;
}

export class CallEncoder extends Encoder {
  /** What the last call said, since the next one mostly says the same. */
  private reader = '';
  private words = '';
  private said = new Uint8Array(0);

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

  /** Writes one call with these arguments and `more` of them. */
  write(letter: string, args: readonly (string | Uint8Array)[], more: readonly string[] = NONE): void {
    let head = heads.get(letter);
    if (head === undefined) heads.set(letter, (head = new CallHead(letter)));
    this.begin(head as unknown as Meta, args.length + more.length);
    this.append(args);
    this.append(more);
  }

  /** Writes one `getOrSet`: a letter's code, its number, and what it says. `words` are all its options but the tags. */
  read(letter: number, call: number, key: string, reader: string, words: string, tags: readonly string[]): void {
    const start = this.at;
    const said = reader === this.reader && words === this.words ? this.said : this.say(reader, words);
    const need = READ_HEAD + READ_FRAME + 3 * key.length + said.length;
    let out = start + need > this.out.length ? this.grow(start, need) : this.out;
    const keyEnd = writeText(out, start + READ_HEAD, key);
    let at = keyEnd;
    for (let i = 0; i < said.length; i++) out[at++] = said[i];
    for (let i = 0; i < tags.length; i++) {
      const tag = tags[i];
      const room = READ_FRAME + 3 * tag.length;
      if (at + room > out.length) out = this.grow(at, room);
      const end = writeText(out, at + 2, tag);
      writeShort(out, at, end - at - 2);
      at = end;
    }
    out[start] = letter;
    writeInt(out, start + 1, call);
    writeInt(out, start + 5, keyEnd - start - READ_HEAD);
    writeInt(out, start + 9, at - keyEnd);
    this.at = at;
  }

  /** What a call says besides its key and its tags, with its length. */
  private say(reader: string, words: string): Uint8Array {
    const text = Buffer.from(`${reader},${words}`);
    const said = new Uint8Array(2 + text.length);
    writeShort(said, 0, text.length);
    said.set(text, 2);
    this.reader = reader;
    this.words = words;
    return (this.said = said);
  }

  /** The engine has consumed the written bytes. */
  taken(): void {
    this.at = 0;
    if (this.out.length > KEEP_BYTES) this.renewOut();
  }
}

function writeShort(out: Uint8Array, at: number, n: number): void {
  out[at] = n;
  out[at + 1] = n >>> 8;
}

function writeInt(out: Uint8Array, at: number, n: number): void {
  out[at] = n;
  out[at + 1] = n >>> 8;
  out[at + 2] = n >>> 16;
  out[at + 3] = n >>> 24;
}
