/** Runs one command line: finds the command, loads it, and turns whatever happens into an exit code and lines on stderr. */
import { Command, CommanderError } from 'commander';
import { withoutSecrets } from '../observe/secrets';
import type { CliCommand } from './command';
import { COMMANDS, type CommandEntry } from './commands';
import type { Context } from './context';
import { CliError, EXIT, messageOf } from './exit_codes';
import { visibleLines } from './output/report';

const { version } = require('../../package.json') as { version: string };

const EXIT_CODES = `
Exit codes: 0 done, 1 findings or a missed threshold, 2 wrong usage or a failure.
`;

/** The exit code. Never rejects. */
export async function run(args: readonly string[], context: Context): Promise<number> {
  let code: number = EXIT.fine;
  const name = args.find((arg) => !arg.startsWith('-'));
  try {
    const entry = COMMANDS.find((one) => one.name === (name === 'help' ? args[args.indexOf('help') + 1] : name));
    const loaded = entry === undefined ? undefined : (await entry.load()).command;
    const program = programOf(context);
    for (const one of COMMANDS) {
      const command = program.command(one.name).description(one.summary);
      if (one === entry && loaded !== undefined) connect(command, loaded, context, (result) => (code = result));
    }
    const wanted = name === 'help' ? args[args.indexOf('help') + 1] : undefined;
    if (wanted !== undefined && !wanted.startsWith('-') && entry === undefined && wanted !== 'help') program.error(`error: unknown command '${wanted}'`);
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    return failed(error, COMMANDS.find((one) => one.name === name), context);
  }
  return context.signal.aborted ? EXIT.interrupted : code;
}

function programOf(context: Context): Command {
  return new Command('hawser')
    .description('Finds, watches and operates what a backend does with Redis.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('(hawser --help lists the commands and options)')
    .configureOutput({ writeOut: (text) => context.stdout.write(text), writeErr: (text) => context.stderr.write(safe(text)) })
    .exitOverride();
}

function connect(command: Command, loaded: CliCommand, context: Context, end: (code: number) => void): void {
  command.showHelpAfterError(`(hawser ${command.name()} --help lists its options)`);
  loaded.define(command);
  command.action(async (...given: unknown[]) => {
    // Commander passes the arguments, the options and the command.
    const options = given[given.length - 2] as Record<string, unknown>;
    end(await loaded.run({ context, args: given.slice(0, -2), options }));
  });
}

function failed(error: unknown, entry: CommandEntry | undefined, context: Context): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.failure;
  if (context.signal.aborted) return EXIT.interrupted;
  const where = entry === undefined ? 'hawser' : `hawser ${entry.name}`;
  const kind = error instanceof CliError || !(error instanceof Error) || error.name === 'Error' ? '' : `${error.name}: `;
  context.stderr.write(`${safe(`${where}: ${kind}${messageOf(error)}`)}\n`);
  return EXIT.failure;
}

/** An error may repeat what the user has typed: a URL with its password, or text from elsewhere with control characters. */
const safe = (text: string): string => visibleLines(String(withoutSecrets(text)));
