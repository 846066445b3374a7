/** Tags that handlers give their responses. */
import type { ServerResponse } from 'node:http';
import { checkTags } from '../cache/validate';
import type { Recording } from './recording';

const recordings = new WeakMap<ServerResponse, Recording>();

export function recordedAs(response: ServerResponse, recording: Recording): void {
  recordings.set(response, recording);
}

/** Gives tags to the response that is being recorded, if one is. Throws TypeError or RangeError for invalid tags. */
export function tagResponse(response: ServerResponse, tags: readonly string[]): void {
  const recording = recordings.get(response);
  if (recording === undefined) checkTags('tags', tags);
  else recording.addTags(tags);
}
