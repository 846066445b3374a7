// Checks the anchors of a built site. VitePress checks pages, not what stands behind `#`.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Links of the pages in `site` to anchors that their targets do not have, and the number of pages. The reference links to methods that it leaves out. */
export function deadAnchors(site) {
  const files = readdirSync(site, { recursive: true }).filter((name) => name.endsWith('.html'));
  const pages = new Map(files.map((name) => [addressOf(name), readFileSync(path.join(site, name), 'utf8')]));
  const ids = new Map([...pages].map(([address, html]) => [address, new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))]));
  const dead = [];
  for (const [address, html] of pages) {
    for (const [, href] of html.matchAll(/<a [^>]*?href="([^"]*#[^"]+)"/g)) {
      if (/^[a-z]+:/.test(href) || address.startsWith('/api/')) continue;
      const url = new URL(href, `http://site${address}`);
      const target = ids.get(addressOf(url.pathname.slice(1)));
      if (target !== undefined && !target.has(decodeURIComponent(url.hash.slice(1)))) dead.push(`${address}: ${href}`);
    }
  }
  return { dead: [...new Set(dead)], pages: pages.size };
}

/** `/caching` for `caching.html`, `/design/` for `design/index.html`. */
function addressOf(file) {
  return `/${file.split(path.sep).join('/').replace(/(^|\/)index\.html$/, '$1').replace(/\.html$/, '')}`;
}
