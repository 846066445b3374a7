/** A line that MONITOR sends: `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`. */
export type Seen = [time: string, args: string[], source: string, database: string];

/** Parses such a line; undefined if `line` is not one. */
export function parseMonitorLine(line: string): Seen | undefined {
  const head = /^(\d+\.\d+) \[(\d+) (.*?)\] /.exec(line);
  if (head === null) return undefined;
  const [whole, time, database, source] = head as unknown as [string, string, string, string];
  return [time, argumentsOf(line, whole.length), source, database];
}

/** The quoted arguments from `at` on. An argument may be very long: no regular expression goes through it. */
function argumentsOf(line: string, at: number): string[] {
  const args: string[] = [];
  for (let start = line.indexOf('"', at); start >= 0; start = line.indexOf('"', at)) {
    let end = line.indexOf('"', start + 1);
    while (end >= 0 && isEscaped(line, start, end)) end = line.indexOf('"', end + 1);
    if (end < 0) break;
    args.push(line.slice(start + 1, end).replaceAll('\\"', '"'));
    at = end + 1;
  }
  return args;
}

/** Whether the quote at `quote` belongs to the argument that starts at `start`: an odd number of backslashes precedes it. */
function isEscaped(line: string, start: number, quote: number): boolean {
  let before = quote - 1;
  while (before > start && line[before] === '\\') before--;
  return (quote - before) % 2 === 0;
}
