/**
 * The hash slot of a key, as in the specification of Redis Cluster: CRC16 of the key or of its first non-empty `{tag}`. `cluster-key-slot`
 * makes an array of every text; most keys are ASCII, and for those this reads the characters.
 */
import calculateSlot from 'cluster-key-slot';
import type { Command } from '../command/command';

export const SLOTS = 16_384;

const TABLE = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  TABLE[byte] = crc;
}

const OPEN = 0x7b;

export function slotOf(key: string | Buffer): number {
  if (typeof key !== 'string') return calculateSlot(key);
  let crc = 0;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    // A tag, or not ASCII.
    if (code === OPEN || code > 127) return calculateSlot(key);
    crc = ((crc << 8) ^ TABLE[((crc >> 8) ^ code) & 0xff]) & 0xffff;
  }
  return crc & (SLOTS - 1);
}

/** The slot of a command's first key; -1 if it has none. */
export function slotOfCommand(command: Command): number {
  const { meta, args } = command;
  if (meta.hasOneKey) return args.length > 0 ? slotOf(args[0]) : -1;
  const [key] = command.getKeys();
  return key === undefined ? -1 : slotOf(key);
}
