import _ from 'lodash';
import { keys } from 'lodash';
import mongoose from 'mongoose';

// Nothing here has to do with redis.
const Session = mongoose.model('Session', new mongoose.Schema({ token: String }));
const local = new Map<string, string>();

export async function sessions(filter: Record<string, unknown>): Promise<unknown> {
  const names = [...Object.keys(filter), ...keys(filter), ..._.keys(filter), ...local.keys()];
  local.set('names', JSON.stringify(names));
  const seen = JSON.parse(local.get('names') ?? '[]') as string[];
  return Session.find({ token: { $in: seen } });
}
