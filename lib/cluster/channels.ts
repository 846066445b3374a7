/** The channels that a cluster's callers are subscribed to, so that another connection can take over. */
import type { Command } from '../command/command';

export type Channel = string | Buffer;

/** The bytes of a name as text, the same for a text and a Buffer. */
const identity = (channel: Channel): string => Buffer.from(channel as string).toString('latin1');

export class Channels {
  private readonly names = new Map<string, Channel>();

  get size(): number {
    return this.names.size;
  }

  list(): Channel[] {
    return [...this.names.values()];
  }

  add(channels: readonly Channel[]): void {
    for (const channel of channels) this.names.set(identity(channel), channel);
  }

  /** Without channels: all. */
  remove(channels: readonly Channel[]): void {
    if (channels.length === 0) this.names.clear();
    for (const channel of channels) this.names.delete(identity(channel));
  }
}

/** What a confirmed command changes: `follow` is called with whether it subscribes and the channels. */
export function whenConfirmed(command: Command, follow: (subscribes: boolean, channels: readonly Channel[]) => void): void {
  const subscribes = !command.meta.lower.includes('unsubscribe');
  const deliver = command.deliver.bind(command);
  command.deliver = (reply, context) => {
    follow(subscribes, command.args);
    deliver(reply, context);
  };
}
