'use strict';
/**
 * The entry for `require`: the class `Redis` itself, as in ioredis, with everything else as its properties. Each name is assigned on a
 * line of its own because Node finds the names for `import { Cluster } from 'hawser'` by reading this text.
 */
const hawser = require('./dist/index.js');

module.exports = hawser.Redis;
module.exports.default = hawser.Redis;
module.exports.Redis = hawser.Redis;
