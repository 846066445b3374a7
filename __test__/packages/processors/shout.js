'use strict';
/** A processor in a process or thread of its own, with a client of its own. */
const Redis = require('ioredis');
const { isMainThread } = require('node:worker_threads');

module.exports = async (job) => {
  const redis = new Redis({ port: job.data.port });
  await redis.set(`shout:${job.id}`, isMainThread ? 'fork' : 'thread');
  await job.updateProgress(50);
  await job.log('shouting');
  await redis.quit();
  if (job.data.text === '') throw new Error('nothing to shout');
  return job.data.text.toUpperCase();
};
