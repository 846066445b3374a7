/** The options that name a server, in a file that loads nothing of the library. TLS has the names of redis-cli. */
import { Option, type Command } from 'commander';

/** `--url` and the options of TLS. */
export function addServerOptions(command: Command): void {
  command
    .addOption(new Option('-u, --url <url>', 'the server: redis://, rediss://, unix:// or redis+sentinel:// (default: REDIS_URL and its like)'))
    .option('--cacert <file>', 'trust the certificate authorities in this PEM file, instead of the usual ones')
    .option('--cert <file>', 'show this certificate (PEM) to the server')
    .option('--key <file>', 'the private key (PEM) of --cert')
    .option('--sni <name>', 'ask for this name, and expect it in the certificate, instead of the host of the URL')
    .option('--insecure', 'do not check the certificate of the server');
}
