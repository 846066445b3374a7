/** `--url`, in a file that loads nothing of the library. */
import { Option, type Command } from 'commander';

/** `--url`. */
export function addUrlOption(command: Command): void {
  command.addOption(new Option('-u, --url <url>', 'the server: redis://, rediss://, unix:// or redis+sentinel:// (default: REDIS_URL and its like)'));
}
