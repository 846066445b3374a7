/**
 * Certificates for TLS specs, made in the process: a small CA and two certificates that it signs, P-256, valid for ten years
 * unless a spec says otherwise. The DER is written by hand, because Node has no function for it and a machine may lack `openssl`.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface Certificate {
  /** PEM. */
  cert: string;
  /** PEM, PKCS#8. */
  key: string;
}

export interface CertificateSet {
  /** PEM of the CA that signed both. */
  ca: string;
  /** For `localhost`, 127.0.0.1 and ::1. */
  server: Certificate;
  client: Certificate;
}

/** A new CA with one server and one client certificate. `days`: how long these two are valid from now on; a negative number for expired ones. */
export function makeCertificates(names: string[] = ['localhost'], { days }: { days?: number } = {}): CertificateSet {
  const issuer = issue('hawser test CA', { ca: true });
  return {
    ca: issuer.cert,
    server: issue(names[0] ?? 'localhost', { issuer, names, days, addresses: [[127, 0, 0, 1], [...Array<number>(15).fill(0), 1]] }),
    client: issue('hawser test client', { issuer, days }),
  };
}

interface IssueOptions {
  ca?: boolean;
  issuer?: Certificate;
  names?: string[];
  addresses?: number[][];
  days?: number | undefined;
}

const ISSUER = 'hawser test CA';

function issue(commonName: string, options: IssueOptions): Certificate {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer: KeyObject = options.issuer ? createPrivateKey(options.issuer.key) : pair.privateKey;
  const algorithm = sequence(oid(1, 2, 840, 10045, 4, 3, 2)); // ecdsa-with-SHA256
  const extensions = [
    // basicConstraints, critical
    sequence(oid(2, 5, 29, 19), der(0x01, [0xff]), der(0x04, sequence(...(options.ca ? [der(0x01, [0xff])] : [])))),
  ];
  const alternatives = [
    ...(options.names ?? []).map((name) => der(0x82, Buffer.from(name))),
    ...(options.addresses ?? []).map((address) => der(0x87, address)),
  ];
  if (alternatives.length > 0) extensions.push(sequence(oid(2, 5, 29, 17), der(0x04, sequence(...alternatives))));
  const day = 86_400_000;
  const body = sequence(
    der(0xa0, der(0x02, [2])), // version 3
    der(0x02, [1, ...randomBytes(8)]),
    algorithm,
    name(options.issuer ? ISSUER : commonName),
    sequence(time(Date.now() - 30 * day), time(Date.now() + (options.days ?? 3650) * day)),
    name(commonName),
    pair.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, signer);
  return {
    cert: pem('CERTIFICATE', sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])))),
    key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function der(tag: number, content: Buffer | number[]): Buffer {
  const bytes = Buffer.from(content);
  const size = bytes.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
}

function sequence(...items: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(items));
}

function oid(first: number, second: number, ...rest: number[]): Buffer {
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, bytes);
}

function name(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid(2, 5, 4, 3), der(0x0c, Buffer.from(commonName)))));
}

/** UTCTime, enough until 2049. */
function time(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
