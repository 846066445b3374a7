/* eslint-disable no-console -- printing is its purpose */
/** A callback that prints its arguments: `Error: ...` or `Reply: ...`, as in ioredis. */
export function print(error?: Error | null, reply?: unknown): void {
  if (error) console.log(`Error: ${String(error)}`);
  else console.log(`Reply: ${String(reply)}`);
}
