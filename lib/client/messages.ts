/** Messages of subscriptions as events, under ioredis's names. */
import type { EventEmitter } from 'node:events';
import { ask } from '../clock';
import type { MessageEvent } from '../link/link_client';

interface Receiver {
  readonly client: Pick<EventEmitter, 'emit' | 'listenerCount'>;
  onUnreadable(error: Error): void;
}

export function emitMessage(receiver: Receiver, event: MessageEvent, pattern: Buffer, channel: Buffer, payload: Buffer): void {
  const { client } = receiver;
  const isPattern = event === 'pmessage';
  if (client.listenerCount(event) > 0) {
    const texts = textsOf(receiver, isPattern ? [pattern, channel, payload] : [channel, payload]);
    if (texts !== undefined) ask(() => client.emit(event, ...texts));
  }
  if (isPattern) client.emit('pmessageBuffer', pattern.toString(), channel, payload);
  else client.emit(`${event}Buffer`, channel, payload);
}

/** The parts of a message as text. A part that is too long to be a string is an `error` event; listeners for Buffers still get it. */
function textsOf(receiver: Receiver, parts: Buffer[]): string[] | undefined {
  try {
    return parts.map((part) => part.toString());
  } catch (error) {
    receiver.onUnreadable(error as Error);
    return undefined;
  }
}
