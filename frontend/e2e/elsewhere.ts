/** Another shop on another origin: the documented client, and a page of its own. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build, type Rollup } from 'vite';

const ENTRY = fileURLToPath(new URL('./elsewhereShop.ts', import.meta.url));

/** Serve it on a port of its own; `origin` is what the daemon has to allow. */
export async function openOtherShop(): Promise<{ readonly origin: string; readonly server: Server }> {
  const script = await bundle();
  const html = '<!doctype html><title>Another shop</title><body><script type="module" src="/shop.js"></script>';
  const server = createServer((request, response) => {
    const [type, body] = request.url === '/shop.js' ? ['text/javascript', script] : ['text/html', html];
    response.writeHead(200, { 'Content-Type': type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, server };
}

async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: { write: false, lib: { entry: ENTRY, formats: ['es'], fileName: 'shop' } },
  });
  const [{ output }] = built as [Rollup.RollupOutput];
  return output[0].code;
}
