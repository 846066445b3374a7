/**
 * The native binding: the one file that requires it. Everybody else imports `native` from here and sees only what `NativeBinding`
 * declares.
 */
import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import { binaryName, platformName } from '../binding/platform.js';

/** What the binary exports. */
export interface NativeBinding {
  /** The class word of a command by its lower-case name. */
  classify(name: string): number;
  /** The parts of a connection URL as JSON; throws `E_BAD_OPTION ...`. */
  /** CPU time in microseconds that this thread has used; NaN where the system does not tell. */
  threadCpuTime(): number;
  parseUrl(url: string): string;
  /** A bus message, checked, as JSON; throws the reason why the text is none. */
  parseBusMessage(text: string): string;
  NativeLink: new (optionsJson: string, resp3: boolean, stringNumbers: boolean) => NativeLink;
  NativeCache: new (configJson: string) => NativeCache;
}

/** One connection's state machine, see `src/node/link.rs`. */
export interface NativeLink {
  share(
    input: Buffer,
    out: Buffer,
    meta: Uint32Array,
    state: Float64Array,
    array: (...items: unknown[]) => unknown[],
    object: (...items: unknown[]) => object,
    error: (text: string) => Error,
  ): void;
  setOut(out: Buffer): void;
  setMeta(meta: Uint32Array): void;
  submit(bytes: number, commands: number, firstId: number): boolean;
  receive(bytes: number): unknown[];
  receiveChunk(chunk: Buffer): unknown[];
  ids(): number[];
  errors(): number[];
  events(): unknown[];
  output(): Buffer;
  refresh(): void;
  connect(): void;
  connected(): void;
  closed(): void;
  disconnect(reconnect: boolean): void;
  issueIn(database: number): void;
  rewrite(id: number, bytes: number): void;
  reconnectAfter(ms: number): void;
  tick(): void;
  probed(outcome: number): void;
  checked(accepted: boolean): void;
  configure(optionsJson: string): void;
}

/** The cache engine, see `src/node/cache.rs` and docs/design/crossing.md. */
export interface NativeCache {
  share(calls: Buffer, state: Float64Array, array: (...items: unknown[]) => unknown[]): void;
  calls(bytes: number): void;
  decisions(): unknown[];
  register(prefix: string): number;
  attach(link: NativeLink): void;
  attachMemory(): void;
  detach(): void;
  tick(): void;
}

/** No binary fits this platform, or the one that should cannot be loaded. `code` is `E_NO_BINARY`. */
export class NativeBinaryError extends Error {
  override readonly name = 'NativeBinaryError';
  readonly code = 'E_NO_BINARY';
}

/**
 * Loads the binary for the platform of this process from `directory`. Throws a `NativeBinaryError` that names the platform, what is
 * there instead, and the way out.
 */
export function loadBinding(directory: string, platform = platformName()): NativeBinding {
  const file = path.join(directory, binaryName(platform));
  const shipped = shippedPlatforms(directory);
  if (!shipped.includes(platform)) {
    throw new NativeBinaryError(
      `hawser has no native binary for ${platform} (Node ${process.version}). ` +
        `This installation has ${shipped.length > 0 ? shipped.join(', ') : 'none at all'}, in ${directory}. ${wayOut(directory)}`,
    );
  }
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- only require loads native code
    return require(file) as NativeBinding;
  } catch (cause) {
    // Under jest this error is of another realm, and no `instanceof` holds.
    const reason = String((cause as Error).message).replace(/\.$/, '');
    throw new NativeBinaryError(
      `hawser's native binary for ${platform} (Node ${process.version}) could not be loaded: ${reason}. ` +
        `It may have been made for another system, for example one with a newer C library. ${wayOut(directory)}`,
      { cause },
    );
  }
}

function wayOut(directory: string): string {
  return `Build it from source: run \`npm run build\` in ${path.dirname(directory)}; it needs the Rust toolchain and nothing else.`;
}

function shippedPlatforms(directory: string): string[] {
  let files: string[];
  try {
    files = readdirSync(directory);
  } catch {
    return [];
  }
  return files.flatMap((file) => /^hawser\.(.+)\.node$/.exec(file)?.[1] ?? []).sort();
}

/** The binding, loaded with the package. */
export const native: NativeBinding = loadBinding(path.join(__dirname, '..', 'binding'));
