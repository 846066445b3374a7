// HAWSER_TEST_TRANSPORT=thread: all clients that do not say otherwise use the socket thread. Jest loads this file before each spec, and
// `NodeProcess` in each process of a spec.

const transport = process.env.HAWSER_TEST_TRANSPORT;
if (transport) {
  const folders = typeof jest === 'undefined' ? ['../../dist'] : ['../../dist', '../../lib'];
  for (const folder of folders) require(`${folder}/options/options`).DEFAULT_REDIS_OPTIONS.transport = transport;
}
