/**
 * A second connection to the same node, to tell a dead connection from a busy server: can one be made, and is it answered?
 */
import { connect as netConnect, type NetConnectOpts } from 'node:net';
import { clearTimeout, setTimeout } from '../clock';
import type { SocketOptions } from './socket';

/** As `src/node/link.rs` counts them. */
export const enum ProbeOutcome {
  Unreachable = 0,
  Answered = 1,
  Busy = 2,
}

/** Two periods of the watchdog, this and the grace that follows an answer are ten seconds. */
const PATIENCE_MS = 900;

/**
 * Whether the node takes a connection and answers a PING on it (any answer will do: it is not authenticated). A node with TLS that takes the
 * connection counts as busy: its handshake needs the server's attention, and a busy one has none.
 */
export function probe(options: SocketOptions, done: (outcome: ProbeOutcome) => void): void {
  const target = options.path ? { path: options.path } : { host: options.host, port: options.port, family: options.family ?? 0 };
  const socket = netConnect(target as NetConnectOpts);
  socket.unref();
  let outcome = ProbeOutcome.Unreachable;
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
  timer.unref();
  socket.once('connect', () => {
    outcome = ProbeOutcome.Busy;
    if (options.tls) socket.destroy();
    else socket.write('*1\r\n$4\r\nPING\r\n');
  });
  socket.once('data', (reply: Buffer) => {
    if (!reply.toString('latin1').startsWith('-BUSY')) outcome = ProbeOutcome.Answered;
    socket.destroy();
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    clearTimeout(timer);
    done(outcome);
  });
}
