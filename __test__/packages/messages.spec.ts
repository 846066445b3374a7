import { application, withServer } from './programs';

const context = withServer();

const app = (body: string): Promise<unknown> => application(context.server, body);

test.each(['createAdapter', 'createShardedAdapter'])('@socket.io/redis-adapter (%s) joins two servers', async (create) => {
  const sharded = create === 'createShardedAdapter';
  if (sharded && context.server.version.numbers[0] < 7) return;
  const result = await app(`
    const { createServer } = require('node:http');
    const { Server } = require('socket.io');
    const { io } = require('socket.io-client');
    const { ${create}: adapter } = require('@socket.io/redis-adapter');
    const start = async () => {
      const http = createServer();
      const server = new Server(http, { adapter: adapter(client(), client(), ${sharded ? '{ subscriptionMode: "static" }' : '{ requestsTimeout: 3000 }'}) });
      await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
      server.on('connection', (socket) => {
        socket.on('join', (room, done) => { socket.join(room); done(); });
        socket.on('to', (room, ...args) => socket.to(room).emit('said', ...args));
      });
      server.on('double', (n, done) => done(n * 2));
      const socket = io('http://127.0.0.1:' + http.address().port, { transports: ['websocket'] });
      const said = [];
      socket.on('said', (...args) => said.push(args.map((arg) => (Buffer.isBuffer(arg) ? 'bytes ' + arg.toString('hex') : arg))));
      socket.on('ask', (done) => done(socket.id.length));
      await new Promise((resolve) => socket.once('connect', resolve));
      return { server, socket, said };
    };
    const one = await start();
    const two = await start();
    await until(async () => (await one.server.of('/').adapter.serverCount()) === 2);
    await Promise.all([one, two].map(({ socket }) => new Promise((resolve) => socket.emit('join', 'room', resolve))));
    one.socket.emit('to', 'room', 'text', { n: 1 }, Buffer.from([0, 255, 128]));
    await until(() => two.said.length === 1);
    two.server.emit('said', 'all');
    await until(() => two.said.length === 2 && one.said.length === 1);
    const sockets = (await one.server.fetchSockets()).length;
    const answers = await two.server.timeout(5000).emitWithAck('ask');
    const doubled = await one.server.serverSideEmitWithAck('double', 21);
    one.server.in(two.socket.id).socketsLeave('room');
    await until(async () => (await one.server.in('room').fetchSockets()).length === 1);
    report({ one: one.said, two: two.said, sockets, answers: answers.length, doubled });
    for (const { server, socket } of [one, two]) { socket.close(); await server.close(); }`);
  expect(result).toEqual({ one: [['all']], two: [['text', { n: 1 }, 'bytes 00ff80'], ['all']], sockets: 2, answers: 2, doubled: [42] });
});

test.each([
  ['options', '{ connection: { host: "127.0.0.1", port } }'],
  ['clients', '{ publisher: client(), subscriber: client() }'],
])('graphql-redis-subscriptions carries subscriptions, given %s', async (_, argument) => {
  const result = await app(`
    const { RedisPubSub } = require('graphql-redis-subscriptions');
    const pubsub = new RedisPubSub(${argument});
    const seen = [];
    const first = await pubsub.subscribe('news', (message) => seen.push(['news', message]));
    const second = await pubsub.subscribe('ne*', (message) => seen.push(['ne*', message]), { pattern: true });
    await pubsub.publish('news', { n: 1, text: 'h\\u00e9' });
    await until(() => seen.length === 2);
    pubsub.unsubscribe(first);
    const iterator = pubsub.asyncIterableIterator(['other', 'more']);
    const next = iterator.next();
    await until(async () => (await pubsub.getPublisher().pubsub('NUMSUB', 'more'))[1] === 1);
    await until(async () => (await pubsub.getPublisher().pubsub('NUMSUB', 'news'))[1] === 0);
    await pubsub.publish('more', 'm');
    const { value } = await next;
    await iterator.return();
    await pubsub.publish('news', { n: 2 });
    await until(() => seen.length === 3);
    pubsub.unsubscribe(second);
    report({ seen: seen.sort(), value, isHawser: pubsub.getSubscriber() instanceof Redis });
    clients.length = 0;
    await pubsub.close();`);
  const one = { n: 1, text: 'hé' };
  expect(result).toEqual({ seen: expect.arrayContaining([['news', one], ['ne*', one], ['ne*', { n: 2 }]]) as unknown, value: 'm', isHawser: true });
});
