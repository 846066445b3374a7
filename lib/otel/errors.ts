/** What spans and metrics say about errors: their kind, and never their text, which may show keys and values. */
import type { Attributes } from '@opentelemetry/api';
import { replyCode } from '../observe/errors';
import type { CommandFailure } from '../observe/instrument';

/** `error.type`: the server's error code, hawser's code, or the error's name. */
export function errorType(failure: unknown): string {
  const { code, name, message } = (typeof failure === 'object' && failure !== null ? failure : {}) as CommandFailure;
  if (code === 'E_REPLY' || name === 'ReplyError') {
    const said = replyCode(String(message));
    return said === 'an error' ? 'ERR' : said;
  }
  if (typeof code === 'string' && code !== '') return code;
  return typeof name === 'string' && name !== '' ? name : '_OTHER';
}

/** The attributes of a command that failed. */
export function failureAttributes(failure: CommandFailure): Attributes {
  const type = errorType(failure);
  const isReply = failure.code === 'E_REPLY' || failure.name === 'ReplyError';
  return { 'error.type': type, ...(isReply ? { 'db.response.status_code': type } : {}) };
}
