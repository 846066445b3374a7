/** The socket thread's failures as the errors that Node's sockets have. */
import { getSystemErrorName } from 'node:util';

/** `failure`: the system's number, or a code and a text; empty if the other side has closed the connection. */
export function wireError([code, text]: string[], isHandshake: boolean): Error {
  if (code === undefined || (isHandshake && code === 'ECONNRESET')) {
    const message = 'Client network socket disconnected before secure TLS connection was established';
    return Object.assign(new Error(message), { code: 'ECONNRESET' });
  }
  if (text !== undefined) return Object.assign(new Error(text), { code });
  const errno = -Number(code);
  const name = getSystemErrorName(errno);
  return Object.assign(new Error(`read ${name}`), { errno, code: name, syscall: 'read' });
}
