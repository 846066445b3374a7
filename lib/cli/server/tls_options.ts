/** TLS from the command line: `--cacert`, `--cert`, `--key`, `--sni` and `--insecure`. Files are read and checked at once, so that an error names the option. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Call } from '../command';
import { CliError, messageOf } from '../exit_codes';

/** Options of Node's `tls.connect`. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: false;
}

const NAMES = ['cacert', 'cert', 'key', 'sni', 'insecure'] as const;

/** The first of the options that is given, for an error. */
export const firstTlsOption = ({ options }: Pick<Call, 'options'>): string | undefined => NAMES.map((name) => (options[name] === undefined ? undefined : `--${name}`)).find((name) => name !== undefined);

/** Undefined if no option is given. Errors: `CliError` that names the option and the file. */
export function tlsOptionsOf(call: Pick<Call, 'options' | 'context'>): TlsOptions | undefined {
  if (firstTlsOption(call) === undefined) return undefined;
  const { cacert, cert, key, sni, insecure } = call.options as Partial<Record<(typeof NAMES)[number], string>>;
  if (sni === '') throw new CliError('--sni must be the name of a host');
  if ((cert === undefined) !== (key === undefined)) throw new CliError(`${cert === undefined ? '--key needs --cert' : '--cert needs --key'}: a certificate and its private key belong together`);
  const pair = cert === undefined || key === undefined ? undefined : { cert: certificate('--cert', cert, call), key: privateKey(key, call) };
  if (pair !== undefined) checkPair(pair);
  return {
    ...(cacert === undefined ? {} : { ca: certificate('--cacert', cacert, call) }),
    ...pair,
    ...(sni === undefined ? {} : { servername: sni }),
    ...(insecure === undefined ? {} : { rejectUnauthorized: false }),
  };
}

function certificate(option: string, file: string, call: Pick<Call, 'context'>): string {
  const text = read(option, file, call);
  const parts = text.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^]*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g) ?? [];
  try {
    for (const part of parts) new X509Certificate(part);
  } catch (error) {
    throw new CliError(`${option} ${file} has a certificate that cannot be read: ${messageOf(error)}`);
  }
  if (parts.length === 0) throw new CliError(`${option} ${file} has no certificate in PEM (-----BEGIN CERTIFICATE-----)`);
  return text;
}

function privateKey(file: string, call: Pick<Call, 'context'>): string {
  const text = read('--key', file, call);
  try {
    createPrivateKey(text);
  } catch (error) {
    const isLocked = (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE' || text.includes('ENCRYPTED');
    throw new CliError(`--key ${file} ${isLocked ? 'is protected by a passphrase, which cannot be given here' : 'is no private key in PEM'}`);
  }
  return text;
}

function read(option: string, file: string, { context }: Pick<Call, 'context'>): string {
  try {
    return readFileSync(path.resolve(context.cwd, file), 'utf8');
  } catch (error) {
    throw new CliError(`cannot read ${option} ${file}: ${messageOf(error)}`);
  }
}

function checkPair(pair: { cert: string; key: string }): void {
  try {
    createSecureContext(pair);
  } catch {
    throw new CliError('--key is not the private key of the certificate in --cert');
  }
}
