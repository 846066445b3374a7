/**
 * The native binding. Only this file requires it; all other files import `native` from here and see only what `NativeBinding` declares.
 */
import { packages, packageVersion, platforms, requireBinary } from '../binding/binaries.js';
import { binaryName, platformName } from '../binding/platform.js';
import { describe, type LoadFailure, type OtherVersion } from './native_error';
import { lockWithout, packageFolderOf, whoNames } from './native_packages';
import { codeFolder, node, runningFolder } from './place';
import { VERSION } from './version';

/** The exports of the binary. Calls that may throw go through `fromCore`. */
export interface NativeBinding {
  /** The class word of a command, by its lower-case name. */
  classify(name: string): number;
  /** CPU time that this thread has used, in microseconds; NaN if the system does not provide it. */
  threadCpuTime(): number;
  /** The parts of a connection URL as JSON; throws the reason if it is not a valid URL. */
  parseUrl(url: string): string;
  /** `settings`: `LinkSettings` as JSON. */
  NativeLink: new (settings: string, resp3: boolean, stringNumbers: boolean) => NativeLink;
  /** `settings`: `TlsSettings` of `src/tokio_io/wire/tls.rs` as JSON. */
  NativeTls: new (settings: string) => NativeTls;
  /** Has the socket thread serve `fd`. `call` is called when `status()` has news. */
  NativeWire: new (fd: number, isUnix: boolean, tls: NativeTls | undefined, name: string, call: () => void, label: string) => NativeWire;
  /** `settings`: `CacheSettings` as JSON. */
  NativeCache: new (settings: string) => NativeCache;
  /** `settings`: `SentinelSettings` as JSON. */
  NativeSentinel: new (settings: string) => NativeSentinel;
  /** `settings`: `ClusterSettings` as JSON. */
  NativeCluster: new (settings: string) => NativeCluster;
}

/** TLS settings that have been read. */
export interface NativeTls {
  readonly __brand?: 'tls';
}

/** A connection that the socket thread serves; see `src/node/wire.rs`. */
export interface NativeWire {
  write(bytes: Buffer): void;
  status(): number;
  failure(): string[];
  certificates(): Buffer[];
  bytesRead(): number;
  unwritten(): number;
  look(): void;
  hold(holds: boolean): void;
  end(): void;
  close(): void;
}

/** The state machine of one connection; see `src/node/link.rs`. */
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
  receiveWire(wire: NativeWire): unknown[];
  ids(): number[];
  errors(): number[];
  events(limit: number): unknown[];
  output(): Buffer;
  /** The number of bytes that are in `out` now; -1: they are too many. */
  moveOutput(): number;
  refresh(): void;
  connect(): void;
  connected(): void;
  closed(): void;
  disconnect(reconnect: boolean): void;
  issueIn(database: number): void;
  rewrite(id: number, bytes: number): void;
  reconnectAfter(ms: number): void;
  handBackWaiting(): void;
  tick(): void;
  probeReceived(bytes: Buffer): boolean;
  probeFailed(): void;
  transport(fd: number): void;
  transportLost(): void;
  checked(accepted: boolean): void;
  configure(settings: string): void;
  authenticate(username: string | undefined, password: string): void;
}

/** The cache engine; see `src/node/cache.rs` and docs/design/contract.md. */
export interface NativeCache {
  share(calls: Buffer, state: Float64Array, array: (...items: unknown[]) => unknown[], worked: () => void): void;
  /** Optional; without this array, hits are decisions like others. */
  shareHits?(hits: Uint32Array): void;
  /** Begins to pack and unpack payloads on other threads, which call `worked`. Returns how many are being worked on. */
  work(): number;
  /** Takes the results. `all`: waits for all of them. Returns how many are still being worked on. */
  worked(all: boolean): number;
  calls(bytes: number): void;
  decisions(): unknown[];
  /** The value that a load replaces: its text, or the number of a parsed value. */
  stale(load: number): string | Uint8Array | number | undefined;
  register(prefix: string): number;
  forget(repo: number): void;
  setTime(ms: number): void;
  attach(link: NativeLink): void;
  attachMemory(): void;
  attachCluster(slots: Uint16Array): void;
  addNode(link: NativeLink, node: number, address: string): void;
  setAliases(addresses: string[], nodes: number[]): void;
  removeNode(link: NativeLink): void;
  addLane(link: NativeLink, node: number): void;
  removeLane(link: NativeLink): void;
  slotsChanged(): void;
  detach(): void;
  tick(): void;
}

/** The search for a server through Sentinel; see `src/node/sentinel.rs`. */
export interface NativeSentinel {
  /** Takes a `SentinelInput` and returns `SentinelSteps`, both as JSON. */
  input(input: string): string;
}

/** The router of a cluster; see `src/node/cluster.rs` and docs/design/cluster.md. */
export interface NativeCluster {
  share(table: Uint16Array, shards: Uint16Array, state: Float64Array, array: (...items: unknown[]) => unknown[]): void;
  start(addresses: string): void;
  stop(): void;
  refresh(): void;
  mapReceived(request: number, rows: string, epoch: number, nat: string): void;
  mapFailed(request: number, text: string): void;
  noteEpoch(epoch: number): void;
  nodeUp(node: number): void;
  nodeDown(node: number, ended: boolean): void;
  nodeSilent(node: number): void;
  route(ticket: number, slot: number): void;
  refused(ticket: number, node: number, slot: number, text: string, trail: number, flags: number, mapped: string): boolean;
  handedBack(ticket: number, node: number, slot: number, trail: number, flags: number): boolean;
  forget(ticket: number): void;
  pending(fence: number, slots: Uint16Array): void;
  answered(fence: number): void;
  tick(): void;
  actions(): unknown[];
  groups(): number[][];
}

/** No binary fits this platform and this version of hawser, or the matching one cannot be loaded. `code` is `E_NO_BINARY`. */
export class NativeBinaryError extends Error {
  override readonly name = 'NativeBinaryError';
  readonly code = 'E_NO_BINARY';
}

/** Loads the binary for this process's platform. Throws a `NativeBinaryError` that explains the problem and the solution. */
function loadBinding(): NativeBinding {
  const platform = platformName();
  const packageFolder = codeFolder === undefined ? undefined : node.path.dirname(codeFolder);
  const failure: LoadFailure = { platform, shipped: platforms, packages, packageFolder };
  const other = otherVersion(platform, packageFolder);
  if (other !== undefined) throw new NativeBinaryError(describe({ ...failure, other }));
  try {
    const found = packageFolder === undefined ? fromBundle(platform) : fromPackage(platform, packageFolder);
    if (isBinding(found)) return found;
    failure.found = typeof found;
  } catch (cause) {
    failure.cause = cause;
  }
  if (packageFolder !== undefined) {
    const installed = packages.filter((one) => packageFolderOf(one, packageFolder) !== undefined);
    failure.shipped = [...shippedIn(packageFolder), ...installed].sort();
    failure.lock = lockWithout(platform, packageFolder);
  }
  throw new NativeBinaryError(describe(failure), { cause: failure.cause });
}

function isBinding(found: unknown): found is NativeBinding {
  return typeof found === 'object' && found !== null && typeof (found as Partial<NativeBinding>).NativeLink === 'function';
}

/**
 * The package for `platform` if it belongs to another hawser: its binary may lack what this code calls, or understand it differently.
 * A binary that was built here is used in its place.
 */
function otherVersion(platform: string, packageFolder: string | undefined): OtherVersion | undefined {
  if (!packages.includes(platform) || (packageFolder !== undefined && shippedIn(packageFolder).includes(platform))) return undefined;
  const version = versionOf(platform);
  if (version === undefined || version === VERSION) return undefined;
  if (packageFolder === undefined) return { own: VERSION, version };
  return { own: VERSION, version, folder: packageFolderOf(platform, packageFolder), namedBy: whoNames(platform, version, packageFolder) };
}

/** Undefined where the package is not installed, or a bundle has the binary without its package.json. */
function versionOf(platform: string): string | undefined {
  try {
    return packageVersion(platform);
  } catch {
    return undefined;
  }
}

/**
 * A binary that was added later, for example one that was built elsewhere, is loaded by its path: binaries.js does not name it, or names
 * a package in its place.
 */
function fromPackage(platform: string, packageFolder: string): unknown {
  const added = (): boolean => shippedIn(packageFolder).includes(platform);
  const named = platforms.includes(platform) && !(packages.includes(platform) && added());
  if (named) return requireBinary(platform);
  return added() ? loadFile(node.path.join(packageFolder, 'binding', binaryName(platform))) : undefined;
}

/** Some bundlers copy the file and return its name; some wrap the value as an ES module. */
function fromBundle(platform: string): unknown {
  const found = requireBinary(platform);
  const value = isBinding(found) ? found : ((found as { default?: unknown } | undefined)?.default ?? found);
  const file = typeof value === 'string' && value.endsWith('.node') ? placeOf(value) : undefined;
  return file === undefined ? value : loadFile(file);
}

/** The path of a file that a bundle names, as a URL or relative to the bundle's folder. */
function placeOf(file: string): string | undefined {
  if (file.startsWith('file:')) return node.url.fileURLToPath(file);
  if (node.path.isAbsolute(file)) return file;
  return runningFolder === undefined ? undefined : node.path.join(runningFolder, file);
}

function loadFile(file: string): unknown {
  const module = { exports: {} };
  process.dlopen(module, file);
  return module.exports;
}

function shippedIn(packageFolder: string): string[] {
  const files = node.fs.readdirSync(node.path.join(packageFolder, 'binding'));
  return files.flatMap((file) => /^hawser\.(.+)\.node$/.exec(file)?.[1] ?? []).sort();
}

/** The binding, loaded with the package. */
export const native: NativeBinding = loadBinding();
