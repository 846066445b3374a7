/** ASKING, which a link sends before a command that another node has redirected. Nobody waits for its answer. */
import { Command } from '../command/command';

export class Asking extends Command {
  constructor() {
    super('asking', []);
  }

  override deliver(): void {}

  override deliverFailure(): boolean {
    return false;
  }

  override deliverError(): void {}
}
