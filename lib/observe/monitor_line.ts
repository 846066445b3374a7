/** A line that MONITOR sends: `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`. */
export type Seen = [time: string, args: string[], source: string, database: string];

/** Parses such a line; undefined if `line` is not one. */
export function parseMonitorLine(line: string): Seen | undefined {
  const head = /^(\d+\.\d+) \[(\d+) (.*?)\] /.exec(line);
  if (head === null) return undefined;
  const [whole, time, database, source] = head as unknown as [string, string, string, string];
  const args = line.slice(whole.length).match(/"(?:\\.|[^"\\])*"/g) ?? [];
  const unquoted = args.map((arg) => arg.slice(1, -1).replace(/\\"/g, '"'));
  return [time, unquoted, source, database];
}
