/** MONITOR: a client whose connection receives every command that the server runs. */
import { callBack, type Callback } from '../command/callback';
import { Command } from '../command/command';
import { HawserError } from '../errors';
import { CONNECTION_CLOSED_ERROR_MSG } from '../observe/errors';
import { needsServer } from './memory';

const noop = (): void => {};

/** What is needed of a client that becomes a monitor. */
interface Monitor {
  on(event: string, listener: (argument: Error) => void): unknown;
  removeListener(event: string, listener: (argument: Error) => void): unknown;
  disconnect(): void;
}

/** Who sends MONITOR. */
interface Sender {
  readonly link: { push(command: Command): void } | undefined;
  /** The server answered OK. From now on it sends the commands that it runs. */
  onMonitoring(): void;
  /** It answered something else, or nothing. */
  onMonitorRefused(error: Error): void;
}

/** Sends MONITOR and reports the outcome. The command survives a lost connection as others do. */
export function sendMonitor(sender: Sender): Command {
  const command = new Command('monitor', [], { replyEncoding: 'utf8' });
  // Lines may follow in the same read, before any promise is settled.
  command.deliver = (reply, context) => {
    if (reply === 'OK') sender.onMonitoring();
    else sender.onMonitorRefused(unexpected(reply));
    Command.prototype.deliver.call(command, reply, context);
  };
  command.promise.then(noop, (error: Error) => sender.onMonitorRefused(error));
  sender.link?.push(command);
  return command;
}

function unexpected(reply: unknown): HawserError {
  const text = typeof reply === 'string' ? JSON.stringify(reply.slice(0, 100)) : String(reply);
  return new HawserError('E_PROTOCOL', `MONITOR was answered with ${text} instead of OK`, { command: 'monitor' });
}

/** Resolves with `client` when it monitors. Closes it and rejects if an error or the end of the connection comes first. */
export function whenMonitoring<Client extends Monitor>(client: Client, callback?: Callback<Client>): Promise<Client> {
  const outcome = new Promise<Client>((resolve, reject) => {
    const stopListening = (): void => {
      client.removeListener('monitoring', succeed);
      client.removeListener('error', fail);
      client.removeListener('close', close);
    };
    const succeed = (): void => {
      stopListening();
      resolve(client);
    };
    const fail = (error: Error): void => {
      stopListening();
      // The caller has the error; later errors are ignored.
      client.on('error', noop);
      client.disconnect();
      reject(error);
    };
    const close = (): void => fail(new Error(CONNECTION_CLOSED_ERROR_MSG));
    client.on('monitoring', succeed);
    client.on('error', fail);
    client.on('close', close);
  });
  return callback === undefined ? outcome : callBack(outcome, callback as Callback);
}

/** What `monitor()` of a `memory://` client gives. */
export function refuseMonitor<Client>(callback?: Callback<Client>): Promise<Client> {
  const refused = Promise.reject<Client>(needsServer('monitor'));
  return callback === undefined ? refused : callBack(refused, callback as Callback);
}
