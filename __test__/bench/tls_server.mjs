// The bench's redis-server with TLS beside its plain port. openssl makes the certificates.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, Server } from './server.mjs';

export class TlsServer {
  static async start() {
    const folder = mkdtempSync(path.join(tmpdir(), 'hawser-bench-tls-'));
    makeCertificates(folder);
    const tlsPort = await freePort();
    const file = (name) => path.join(folder, name);
    const files = ['--tls-cert-file', file('server.pem'), '--tls-key-file', file('server.key'), '--tls-ca-cert-file', file('ca.pem')];
    const server = await Server.start(['--tls-port', String(tlsPort), ...files, '--tls-auth-clients', 'no']);
    return new TlsServer(server, tlsPort, folder);
  }

  constructor(server, tlsPort, folder) {
    this.server = server;
    this.port = server.port;
    this.tlsPort = tlsPort;
    this.folder = folder;
    this.ca = readFileSync(path.join(folder, 'ca.pem'), 'utf8');
  }

  async stop() {
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function makeCertificates(cwd) {
  const openssl = (...args) => execFileSync('openssl', args, { cwd, stdio: 'ignore' });
  writeFileSync(path.join(cwd, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=bench CA', '-days', '30');
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...signed);
}
