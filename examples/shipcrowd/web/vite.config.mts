import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { buildName } from './vite/build-name';
import { serviceWorker } from './vite/service-worker';

/** `vite web` develops against a running balancer: BACKEND=http://127.0.0.1:4000 */
const backend = process.env.BACKEND ?? 'http://127.0.0.1:4000';

export default defineConfig({
  plugins: [react(), serviceWorker()],
  define: { BUILD: JSON.stringify(buildName()) },
  build: { outDir: 'dist', emptyOutDir: true, sourcemap: false },
  server: { proxy: { '/api': backend, '/balancer': backend, '/metrics': backend } },
});
