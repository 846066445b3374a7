/** Emits `sw.js`: the page's own files, kept by the browser so that a reload works without a network. Data is not its business: that is in IndexedDB. */
import { createHash } from 'node:crypto';
import type { Plugin } from 'vite';

export function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    generateBundle(_, bundle) {
      const files = ['/', '/favicon.svg', ...Object.keys(bundle).filter((file) => /\.(js|css)$/.test(file)).map((file) => `/${file}`)];
      const version = createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 12);
      this.emitFile({ type: 'asset', fileName: 'sw.js', source: source(version, files) });
    },
  };
}

const source = (version: string, files: string[]): string => `
const CACHE = 'shell-${version}';
const FILES = ${JSON.stringify(files)};
const isData = (path) => /^\\/(api|balancer|metrics)(\\/|$)/.test(path);

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  const drop = async () => Promise.all((await caches.keys()).filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  event.waitUntil(drop().then(() => self.clients.claim()));
});

/** Fonts are kept when they are used. */
async function fetched(request) {
  const response = await fetch(request);
  if (response.ok && new URL(request.url).pathname.startsWith('/assets/')) await (await caches.open(CACHE)).put(request, response.clone());
  return response;
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin || isData(url.pathname)) return;
  // Pages come from the network while there is one, so that a new version is seen at once. Files have the hash of what they hold in their names.
  if (request.mode === 'navigate') event.respondWith(fetch(request).catch(() => caches.match('/')));
  else event.respondWith(caches.match(request).then((kept) => kept ?? fetched(request)));
});
`;
