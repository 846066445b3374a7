// The documentation as a site: `npm run docs`. Pages are the Markdown files of docs/, which read the same on GitHub.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitepress';
import { leadOut, slug } from './links.mjs';

const page = (text, link) => ({ text, link });
const group = (text, items) => ({ text, items });

/** TypeDoc writes it before the site is built. */
const referenceFile = new URL('../api/typedoc-sidebar.json', import.meta.url);
const written = existsSync(referenceFile) ? JSON.parse(readFileSync(referenceFile, 'utf8')) : [];
const reference = written.map((one) => ({ ...one, collapsed: false }));

/** The pages about the design: three walks through the code, then a page for each room. */
const designFolder = new URL('../design/', import.meta.url);
const titleOf = (name) => /^# (.+)$/m.exec(readFileSync(new URL(`${name}.md`, designFolder), 'utf8'))[1].replace(/`| \(.+\)$|:.*/g, '');
const WALKS = ['life-of-a-get', 'life-of-a-getorset', 'how-an-error-travels'];
const rooms = readdirSync(designFolder)
  .map((file) => file.replace(/\.md$/, ''))
  .filter((name) => name !== 'README' && !WALKS.includes(name))
  .sort();
const designPages = (names) => names.map((name) => page(titleOf(name), `/design/${name}`));

export default defineConfig({
  title: 'hawser',
  description: 'An ioredis-compatible client, a cache with tags and stale-while-revalidate, and a connection manager for Node.js on Redis',
  lang: 'en',
  cleanUrls: true,
  srcExclude: ['**/node_modules/**'],
  rewrites: { 'design/README.md': 'design/index.md', 'api/README.md': 'api/index.md' },
  // Dead links fail the build; scripts/docs-site.mjs checks anchors as well.
  ignoreDeadLinks: false,
  markdown: { config: leadOut, anchor: { slugify: slug } },
  vite: { build: { chunkSizeWarningLimit: 2000 } },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    footer: { message: 'Released under the MIT licence.' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/hawser/hawser' }],
    editLink: { pattern: 'https://github.com/hawser/hawser/edit/main/docs/:path', text: 'Edit this page' },
    nav: [
      { text: 'Guide', link: '/getting-started' },
      { text: 'Reference', link: '/options' },
      ...(reference.length > 0 ? [{ text: 'API', link: '/api/' }] : []),
      { text: 'Design', link: '/design/' },
    ],
    sidebar: {
      '/api/': [group('API', reference)],
      '/design/': [group('Design', [page('Overview', '/design/'), ...designPages(WALKS)]), group('Rooms', designPages(rooms))],
      '/': [
        group('Begin', [page('Getting started', '/getting-started'), page('When not to use hawser', '/when-not-to-use'), page('Comparison', '/comparison')]),
        group('Cache', [page('Caching', '/caching'), page('Tiers', '/tiers'), page('The browser', '/browser'), page('What is guaranteed', '/guarantees')]),
        group('Redis', [page('The client', '/client'), page('Connections', '/connections'), page('Cluster and Sentinel', '/cluster-and-sentinel'), page('Differences from ioredis', '/differences-from-ioredis')]),
        group('Frameworks', [
          page('Overview', '/integrations'),
          ...['Express', 'Fastify', 'NestJS', 'Next.js', 'Keyv', 'Recipes'].map((name) => page(name, `/integrations/${name === 'Next.js' ? 'next' : name.toLowerCase()}`)),
        ]),
        group('Run it', [page('Deployment', '/deployment'), page('Platforms and runtimes', '/support'), page('Observability', '/observability'), page('Command line', '/command-line'), page('Security', '/security'), page('Testing', '/testing')]),
        group('Change over', [page('From another library', '/migrating'), page('A whole backend', '/migration')]),
        group('Look up', [page('Options and limits', '/options'), page('Errors', '/errors'), ...(reference.length > 0 ? [page('API reference', '/api/')] : [])]),
      ],
    },
  },
});
