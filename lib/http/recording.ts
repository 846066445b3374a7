/** Takes down one response while its handler makes it, and says when it is known what comes of it. */
import type { LoaderContext } from '../cache/load';
import { checkTags } from '../cache/validate';
import type { Field } from './headers';
import { lifeOf, refusalOf, type StoreRules } from './storable';
import { encode, withETag, type Stored } from './stored';

/** What happens to a response: kept while it is sent, sent alone, or held back because a kept one can be sent in its place. */
export type Mode = 'keep' | 'pass' | 'hold';

/** Fails a load, so that the cache may answer with what it has kept. */
class ErrorResponse extends Error {
  constructor(readonly status: number) {
    super(`the response has the status ${status}`);
  }
}

export class Recording {
  /** What is stored, or `undefined`. Rejects for a 5xx. */
  readonly result: Promise<Buffer | undefined>;
  mode: Mode | undefined;
  /** Why the response is not kept. */
  refusal: string | undefined;
  private resolve!: (value: Buffer | undefined) => void;
  private reject!: (error: Error) => void;
  private status = 0;
  private headers: readonly Field[] = [];
  private chunks: Buffer[] = [];
  private bytes = 0;
  private readonly tags = new Set<string>();

  constructor(
    private readonly rules: StoreRules,
    private readonly context: LoaderContext,
    private fresh: number,
    /** Whether nobody gets the response itself. */
    readonly isBackground: boolean,
  ) {
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // The caller that started the load hears of it too.
    this.result.catch(() => undefined);
  }

  /** Tags that the handler gives its response. */
  addTags(tags: readonly string[]): void {
    for (const tag of checkTags('tags', tags)) this.tags.add(tag);
  }

  /** The head is complete. */
  begin(status: number, headers: readonly Field[]): Mode {
    this.status = status;
    this.headers = headers;
    this.refusal = refusalOf(status, headers, this.rules);
    if (this.refusal === undefined) return (this.mode = 'keep');
    if (status >= 500 && !this.isBackground && this.context.stale !== undefined) return (this.mode = 'hold');
    if (status >= 500) this.reject(new ErrorResponse(status));
    else this.resolve(undefined);
    return (this.mode = 'pass');
  }

  /** A part of the body. */
  chunk(bytes: Buffer): void {
    if (this.mode === 'pass' || this.mode === undefined) return;
    this.bytes += bytes.length;
    if (this.bytes <= this.rules.maxBytes) {
      // The handler may use its buffer again.
      this.chunks.push(Buffer.from(bytes));
      return;
    }
    this.chunks = [];
    if (this.mode === 'keep') this.abort();
  }

  /** The body is complete. */
  end(): void {
    if (this.mode === 'hold') this.reject(new ErrorResponse(this.status));
    if (this.mode !== 'keep') return;
    const life = lifeOf(this.headers);
    if (life !== undefined) {
      this.context.setTtl(life.ttl);
      if (life.staleAfter !== undefined) this.context.setStaleAfter(life.staleAfter);
      this.fresh = (life.staleAfter ?? life.ttl) * 1000;
    }
    const { status, headers, body, ...rest } = this.made();
    this.resolve(encode({ status, headers: withETag(status, headers, body), body, ...rest }));
  }

  /** The response is not kept: its connection is gone, it is too long, or nobody has seen it. */
  abort(): void {
    if (this.mode === 'hold') this.reject(new ErrorResponse(this.status));
    this.mode = this.mode === 'hold' ? 'hold' : 'pass';
    this.chunks = [];
    this.resolve(undefined);
  }

  /** The response as it was made, for where the kept one is gone meanwhile. */
  made(): Stored {
    return { status: this.status, headers: this.headers, body: Buffer.concat(this.chunks), at: Date.now(), fresh: this.fresh, tags: [...this.tags] };
  }
}
