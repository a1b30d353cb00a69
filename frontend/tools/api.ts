/** `npm run api`: asks the daemon's code for its OpenAPI document, and writes it and its types into src/lib/api. */

import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type OpenApi, typescriptOf } from './typescriptOf';

const top = fileURLToPath(new URL('../..', import.meta.url));
const python = process.env['PYTHON'] ?? `${top}.venv/bin/python`;
if (!existsSync(python)) throw new Error(`${python} is missing: run \`make test\` at the top, which sets it up`);

const document = execFileSync(python, ['-m', 'checkout_daemon.web.openapi'], { cwd: top, encoding: 'utf8' });
writeFileSync(`${top}frontend/src/lib/api/openapi.json`, document);
writeFileSync(`${top}frontend/src/lib/api/types.ts`, typescriptOf(JSON.parse(document) as OpenApi));
