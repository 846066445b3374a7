const { promisify } = require('util');
const redis = require('redis');

const client = redis.createClient({ host: 'localhost' });
const getAsync = promisify(client.get).bind(client);
const flushDb = client.flushdb.bind(client);

client.on('error', (error) => console.error(error));

module.exports = {
  async dashboard(company) {
    const cached = await getAsync(`dashboard:${company}`);
    if (cached) return JSON.parse(cached);
    const fresh = { company };
    client.setex(`dashboard:${company}`, 60 * 5, JSON.stringify(fresh));
    return fresh;
  },
  wipe: () => flushDb(),
  stop: () => client.end(true),
};
