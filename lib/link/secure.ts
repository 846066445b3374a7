/** TLS options for the socket thread: which of them it can serve, and what Node checks of a server's certificate. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import { native, type NativeTls } from '../native';
import type { SocketOptions } from './socket';

/** What the thread and this file serve. */
const SERVED = new Set(['ca', 'cert', 'key', 'passphrase', 'servername', 'rejectUnauthorized', 'checkServerIdentity', 'minVersion', 'maxVersion']);
/** What changes nothing for a client, or belongs to the socket below. */
const IDLE = new Set(['profile', 'requestCert', 'host', 'port', 'path', 'timeout', 'isServer', 'enableTrace']);
/** Fake timers replace `Date`, and a certificate expires all the same. */
const realNow = Date.now;
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
/** Places of the versions that the thread speaks. */
const TLS12 = 2;
const TLS13 = 3;

export interface Secure {
  settings: NativeTls;
  /** For server name indication; empty for none. */
  name: string;
  /** Whether a server that `check` faults is refused. */
  rejects: boolean;
  /** What is wrong with the server's certificate, besides its chain, which the thread has verified. */
  check(certificates: Buffer[]): Error | undefined;
  certificate(certificates: Buffer[]): tls.DetailedPeerCertificate | undefined;
}

type TlsOptions = NonNullable<SocketOptions['tls']>;

/** What in the options needs Node's own socket; undefined if nothing does. */
export function whyNotThread({ tls: options }: SocketOptions): string | undefined {
  // Sockets have no numbers there.
  if (process.platform === 'win32') return 'Windows';
  if (options === undefined) return undefined;
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && value !== null && !SERVED.has(name) && !IDLE.has(name)) return `tls.${name}`;
  }
  const { ca, cert, key } = options;
  if (!listOf(ca).every(isPem)) return 'tls.ca';
  if (!isOnePem(cert) || (cert && !key)) return 'tls.cert';
  if (!isOnePem(key) || (key && !cert)) return 'tls.key';
  const { tls12, tls13 } = versions(options);
  if (!tls12 && !tls13) return 'tls.maxVersion';
  if (!ca && usesSystemStore()) return '--use-openssl-ca';
  return undefined;
}

/** Reads the options. Throws if a certificate or a key is none. */
export function secure(options: SocketOptions & { tls: TlsOptions }, name: string): Secure {
  const { tls: given, host, path } = options;
  // As in Node.
  const rejects = (given.rejectUnauthorized ?? process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0') !== false;
  const hostname = name || (path === undefined ? host : given.host) || 'localhost';
  const identify = given.checkServerIdentity ?? tls.checkServerIdentity;
  return {
    settings: settingsOf(given, rejects),
    name,
    rejects,
    check: (certificates) => {
      const certificate = certificates.length === 0 ? undefined : new X509Certificate(certificates[0]);
      if (certificate === undefined) return coded('ERR_TLS_CERT_MISSING', 'the server has no certificate');
      const now = realNow();
      if (Date.parse(certificate.validTo) < now) return coded('CERT_HAS_EXPIRED', 'certificate has expired');
      if (Date.parse(certificate.validFrom) > now) return coded('CERT_NOT_YET_VALID', 'certificate is not yet valid');
      return identify(hostname, certificate.toLegacyObject());
    },
    certificate: ([first]) => (first === undefined ? undefined : (new X509Certificate(first).toLegacyObject() as tls.DetailedPeerCertificate)),
  };
}

/** The last settings that were read. Most connections of a process have the same. */
let last: { json: string; settings: NativeTls } | undefined = undefined;

function settingsOf(options: TlsOptions, verify: boolean): NativeTls {
  const { ca, cert, key, passphrase } = options;
  // Node says what is wrong with them, in its own words.
  if (ca || cert || key) tls.createSecureContext({ ca, cert, key, passphrase });
  const authorities = ca ? listOf(ca).map(textOf) : verify ? defaultAuthorities() : [];
  const json = JSON.stringify({ ca: authorities, cert: cert ? textOf(cert) : null, key: key ? keyOf(key, passphrase) : null, verify, ...versions(options) });
  if (last?.json !== json) last = { json, settings: new native.NativeTls(json) };
  return last.settings;
}

/** The key without its passphrase. */
function keyOf(key: unknown, passphrase: string | undefined): string {
  return createPrivateKey({ key: textOf(key), ...(passphrase === undefined ? {} : { passphrase }) }).export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Those that Node trusts. */
function defaultAuthorities(): string[] {
  const { getCACertificates } = tls as { getCACertificates?: (kind: string) => string[] };
  if (getCACertificates !== undefined) return getCACertificates('default');
  const { NODE_EXTRA_CA_CERTS: extra } = process.env;
  return extra ? [...tls.rootCertificates, readFileSync(extra, 'latin1')] : [...tls.rootCertificates];
}

/** Before Node says itself whom it trusts. */
function usesSystemStore(): boolean {
  if ('getCACertificates' in tls) return false;
  return [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((text) => /--use-(openssl|system)-ca/.test(text));
}

function versions({ minVersion = tls.DEFAULT_MIN_VERSION, maxVersion = tls.DEFAULT_MAX_VERSION }: TlsOptions): { tls12: boolean; tls13: boolean } {
  const [min, max] = [VERSIONS.indexOf(minVersion), VERSIONS.indexOf(maxVersion)];
  return { tls12: min <= TLS12 && max >= TLS12, tls13: min <= TLS13 && max >= TLS13 };
}

function listOf(value: unknown): unknown[] {
  return value ? [value].flat() : [];
}

const isPem = (value: unknown): boolean => typeof value === 'string' || value instanceof Uint8Array;

/** None, or one text. */
function isOnePem(value: unknown): boolean {
  const list = listOf(value);
  return list.length <= 1 && list.every(isPem);
}

function textOf(value: unknown): string {
  const [only] = listOf(value);
  return only instanceof Uint8Array ? Buffer.from(only).toString('latin1') : typeof only === 'string' ? only : '';
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
