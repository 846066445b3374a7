// The documentation as a site: `npm run docs`. Pages are the Markdown files of docs/, which read the same on GitHub.

import { existsSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitepress';
import { leadOut, slug } from './links.mjs';

const page = (text, link) => ({ text, link });
const group = (text, items) => ({ text, items });

/** TypeDoc writes it before the site is built. */
const referenceFile = new URL('../api/typedoc-sidebar.json', import.meta.url);
const reference = existsSync(referenceFile) ? JSON.parse(readFileSync(referenceFile, 'utf8')) : [];

const DESIGN = [
  ['Overview', 'README'],
  ['The life of a GET', 'life-of-a-get'],
  ['The life of a getOrSet', 'life-of-a-getorset'],
  ['How an error travels', 'how-an-error-travels'],
  ['The cache engine', 'cache'],
  ['The bench', 'bench'],
];

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
      '/design/': [group('Design', DESIGN.map(([text, name]) => page(text, name === 'README' ? '/design/' : `/design/${name}`)))],
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
