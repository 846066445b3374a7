/** One attempt to connect, as its caller sees it. */
import { CONNECTION_CLOSED_ERROR_MSG } from '../observe/errors';

interface Client {
  once(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

/** Starts the attempt. Resolves when the connection is ready; rejects with the `reason` if it closes first. */
export function attempt(client: Client, start: () => void, reason: () => Error): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      client.removeListener('ready', onReady);
      client.removeListener('close', onClose);
      if (error) reject(error);
      else resolve();
    };
    const onReady = (): void => settle();
    const onClose = (): void => settle(reason());
    client.once('ready', onReady);
    client.once('close', onClose);
    start();
  });
}

/** The rejection of `connect`: ioredis's message, with the original error as its cause. */
export function closedError(cause: Error | undefined): Error {
  return new Error(CONNECTION_CLOSED_ERROR_MSG, cause === undefined ? undefined : { cause });
}
