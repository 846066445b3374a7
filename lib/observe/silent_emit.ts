/** Error events that nobody has to listen to. */
import type { EventEmitter } from 'node:events';
import { surface } from '../clock';
import { CONNECTION_CLOSED_ERROR_MSG, messageOf } from './errors';

interface Client extends Pick<EventEmitter, 'emit' | 'listenerCount'> {
  status: string;
}

/** Emits an error without requiring a listener. While the client is closed by hand, the errors that belong to that are left out. */
export function silentEmit(client: Client, event: string, argument: unknown, isClosingByHand: boolean): boolean {
  if (event === 'error') {
    if (client.status === 'end') return false;
    const error = argument as NodeJS.ErrnoException;
    if (isClosingByHand && (error.syscall === 'connect' || error.syscall === 'read' || error.message === CONNECTION_CLOSED_ERROR_MSG)) return false;
    if (client.listenerCount('error') === 0) {
      // eslint-disable-next-line no-console -- ioredis's line, which people look for
      console.error('[ioredis] Unhandled error event:', told(error));
      return false;
    }
  }
  // An exception in a listener must not keep the socket from closing.
  try {
    return client.emit(event, argument);
  } catch (thrown) {
    surface(thrown);
    return true;
  }
}

/** An error in a line of hawser's own: its stack, without what a server says behind an error's code, which may show arguments. */
function told(error: Error): string | undefined {
  return error.stack?.replace(error.message, () => messageOf(error));
}
