/** Checks of this process: Node, platform, binary, and the environment's variables. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import type * as env from '../../env';
import { messageOf } from '../exit_codes';
import { check, type Check } from './checks';

const ROOT = path.join(__dirname, '..', '..', '..');
const OLDEST_NODE = 20;

/** The environment is read by a file that needs the binary. */
export function processChecks(): Check[] {
  const binary = binaryCheck();
  return [nodeCheck(), platformCheck(), binary, ...(binary.level === 'ok' ? [environmentCheck()] : [])];
}

function nodeCheck(): Check {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= OLDEST_NODE ? check('Node', 'ok', process.version) : check('Node', 'problem', `${process.version} is too old: hawser needs ${OLDEST_NODE} or newer`);
}

function platformCheck(): Check {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  const libc = process.platform === 'linux' ? ` (${report?.header?.glibcVersionRuntime === undefined ? 'musl' : `glibc ${report.header.glibcVersionRuntime}`})` : '';
  return check('platform', 'ok', `${process.platform} ${process.arch}${libc}`);
}

function binaryCheck(): Check {
  try {
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- it may not load, and that is what is asked
    require('../../native');
    return check('binary', 'ok', `hawser ${version}, its native binary loads`);
  } catch (error) {
    return check('binary', 'problem', messageOf(error));
  }
}

function environmentCheck(): Check {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- it loads the binary, which was looked at before
    (require('../../env') as typeof env).readEnvironment();
    return check('environment', 'ok', 'every variable of hawser is well-formed');
  } catch (error) {
    return check('environment', 'problem', messageOf(error));
  }
}
