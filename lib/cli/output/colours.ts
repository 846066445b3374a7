/** Colours of a terminal, and none anywhere else. */
import type { Context } from '../context';
import type { Tone } from './report';

export type Paint = (text: string, tone: Tone) => string;

const CODES: Readonly<Record<Tone, readonly [number, number]>> = { bad: [31, 39], warn: [33, 39], good: [32, 39], dim: [2, 22], bold: [1, 22] };

/** Paints for `stream`: only on a terminal that has colours, and not if NO_COLOR is set (https://no-color.org). */
export function painter(stream: NodeJS.WriteStream, env: Context['env']): Paint {
  const isOff = (env.NO_COLOR !== undefined && env.NO_COLOR !== '') || env.TERM === 'dumb' || !stream.isTTY || !stream.hasColors();
  if (isOff) return (text) => text;
  return (text, tone) => `\u001b[${CODES[tone][0]}m${text}\u001b[${CODES[tone][1]}m`;
}
