/** Puts `*` in the place of those parts of a key that tell one thing from another of its kind: numbers, UUIDs, hashes, dates, random texts. Pure. */

/** What separates the parts of a key. */
const SEPARATORS = /((?:[:/|#{}[\]()=,; ]|\\u[0-9a-f]{4}|\\[nrt])+)/;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const EMAIL = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;
/** Names that end with a digit. */
const NUMBERED_NAME = /^(v\d|s3|sha1|sha256|md5|utf8|ipv[46]|oauth2?|base64|h2|p2p|b2b|b2c|i18n|l10n|k8s)$/i;
/** Bytes that are no text. */
const BYTES = /(?:\\x[0-9a-f]{2})+/g;
const HEX = /(?<![a-z0-9])(?=[a-f]*\d)[0-9a-f]{8,}(?![a-z0-9])/gi;
const DATE = /\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+Z?)?/g;
const NUMBER = /\d+(?:[.\-_]\d+)*/g;
const TOKEN = /^[A-Za-z0-9_\-+=~.]{10,}$/;

/** Parts and separators in turns: `user:42:name` is `user`, `:`, `*`, `:`, `name`. */
export function maskedParts(key: string): string[] {
  return key.split(SEPARATORS).map((part, i) => (i % 2 === 1 ? part : masked(part)));
}

/** One part of a key. */
function masked(part: string): string {
  if (part === '' || NUMBERED_NAME.test(part)) return part;
  if (EMAIL.test(part) || isRandom(part)) return '*';
  const text = part.replace(BYTES, '*').replace(UUID, '*').replace(DATE, '*').replace(HEX, '*').replace(NUMBER, '*');
  return text.replace(/\*(?:[._-]?\*)+/g, '*');
}

/** Whether a part looks like the output of a generator: long, of one word, and it changes all the time between small letters, capitals and digits. */
function isRandom(part: string): boolean {
  if (!TOKEN.test(part)) return false;
  const changes = part.match(/[a-z](?=[A-Z0-9])|\d(?=[A-Za-z])|[A-Z](?=[a-z0-9])/g)?.length ?? 0;
  return changes >= 4 && changes * 5 >= part.length * 2;
}
